#pragma once
// process-pause: a service freezes. Its connections stay open and its kernel-side backlog still
// accepts.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_process_pause();

}  // namespace nospof::faults
