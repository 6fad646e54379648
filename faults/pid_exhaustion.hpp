#pragma once
// pid-exhaustion: no further process can be started on a host.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

std::unique_ptr<kinds::FaultKind> make_pid_exhaustion();

}  // namespace nospof::faults
