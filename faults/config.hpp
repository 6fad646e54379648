#pragma once
// config: a bad configuration is deployed to one host, and after a while to all others.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_config();

}  // namespace nospof::faults
