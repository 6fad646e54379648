#pragma once
// process-kill: a signal ends one or all processes of a service; its supervisor restarts it, or
// must not.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_process_kill();

}  // namespace nospof::faults
