#pragma once
// memory-stress: other work takes the memory of a host.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

std::unique_ptr<kinds::FaultKind> make_memory_stress();

}  // namespace nospof::faults
