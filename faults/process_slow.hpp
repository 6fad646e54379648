#pragma once
// process-slow: a service gets only a share of a CPU.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

std::unique_ptr<kinds::FaultKind> make_process_slow();

}  // namespace nospof::faults
