#pragma once
// link-flap: a host's link goes down and comes back, again and again.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_link_flap();

}  // namespace nospof::faults
