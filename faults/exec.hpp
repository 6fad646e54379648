#pragma once
// exec: an operator's own fault, as commands that inject, confirm and heal it.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_exec();

}  // namespace nospof::faults
