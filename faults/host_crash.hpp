#pragma once
// host-crash: a host loses its power. Its link goes first, then everything on it dies at once.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_host_crash();

}  // namespace nospof::faults
