#pragma once
// cpu-stress: other work takes the CPU time of a host.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

std::unique_ptr<kinds::FaultKind> make_cpu_stress();

}  // namespace nospof::faults
