#pragma once
// crash-loop: a service is killed each time it returns.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

std::unique_ptr<kinds::FaultKind> make_crash_loop();

}  // namespace nospof::faults
