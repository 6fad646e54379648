#pragma once
// host-freeze: every process of a host stands still, as when its hypervisor pauses it.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

std::unique_ptr<kinds::FaultKind> make_host_freeze();

}  // namespace nospof::faults
