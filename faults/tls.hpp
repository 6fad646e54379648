#pragma once
// tls: one service of one host shows a bad certificate, or takes a weak protocol.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_tls();

}  // namespace nospof::faults
