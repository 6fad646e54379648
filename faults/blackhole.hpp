#pragma once
// blackhole: what a host sends to others meets a route that leads nowhere.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_blackhole();

}  // namespace nospof::faults
