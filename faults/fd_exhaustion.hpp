#pragma once
// fd-exhaustion: the processes of a service can open no further file or connection.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

std::unique_ptr<kinds::FaultKind> make_fd_exhaustion();

}  // namespace nospof::faults
