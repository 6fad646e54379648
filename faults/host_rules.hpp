#pragma once
// firewall-flush and firewall-replace: a host's own rules are gone, or others stand in their place.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_firewall_flush();
std::unique_ptr<kinds::FaultKind> make_firewall_replace();

}  // namespace nospof::faults
