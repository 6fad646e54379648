#pragma once
// partition: hosts are cut off, from everybody or from a group of others, one way or both ways.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_partition();

}  // namespace nospof::faults
