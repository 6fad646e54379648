#pragma once
// process-restart: a service is ended in order by its supervisor and started again.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

std::unique_ptr<kinds::FaultKind> make_process_restart();

}  // namespace nospof::faults
