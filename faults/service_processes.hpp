#pragma once
// What the faults on services share: the state of a service as a baseline, and rounds over its
// processes.

#include <string>
#include <vector>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// The state of a service that runs and has a main process: the only baseline on which a fault on
/// it means something. Throws Error (naming the fault, the service and the host) when there is no
/// supervisor, no such service, or it does not run.
kinds::ServiceState require_running(const std::string& kind, const std::string& service,
                                    const kinds::HostEnv& env);

/// The processes among these that exist and are no zombies, with what /proc says of them.
std::vector<ProcessState> living(const std::vector<ProcessId>& processes);

bool contains(const std::vector<ProcessId>& processes, const ProcessId& wanted);

/// Between two looks at processes that the kernel needs a moment for.
void pause_between_rounds();

}  // namespace nospof::faults
