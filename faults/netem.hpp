#pragma once
// netem: packets are delayed, lost, duplicated, corrupted, reordered or slowed down, by the kernel
// where it has sch_netem, otherwise by a process of nospof's own.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_netem();

}  // namespace nospof::faults
