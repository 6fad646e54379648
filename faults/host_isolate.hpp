#pragma once
// host-isolate: no frame leaves or reaches a host, while nothing on it dies and its link stays up.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

std::unique_ptr<kinds::FaultKind> make_host_isolate();

}  // namespace nospof::faults
