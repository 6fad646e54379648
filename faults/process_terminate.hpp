#pragma once
// process-terminate: a service is ended in order by its supervisor and stays down until healed.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

std::unique_ptr<kinds::FaultKind> make_process_terminate();

}  // namespace nospof::faults
