#pragma once
// vip-conflict: a second host owns a virtual address and tells everybody so, again and again.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_vip_conflict();

}  // namespace nospof::faults
