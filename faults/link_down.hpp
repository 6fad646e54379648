#pragma once
// link-down: a host's link is set down, as an administrator would.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_link_down();

}  // namespace nospof::faults
