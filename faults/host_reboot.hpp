#pragma once
// host-reboot: a host ends its services in order, then boots.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

std::unique_ptr<kinds::FaultKind> make_host_reboot();

}  // namespace nospof::faults
