#pragma once
// io-stress: other work keeps a file system of a host busy.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

std::unique_ptr<kinds::FaultKind> make_io_stress();

}  // namespace nospof::faults
