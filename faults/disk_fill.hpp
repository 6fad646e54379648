#pragma once
// disk-fill: a file system of a host gets full, by space that the kernel frees when its owner dies.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

std::unique_ptr<kinds::FaultKind> make_disk_fill();

}  // namespace nospof::faults
