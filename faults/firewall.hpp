#pragma once
// firewall: a flow is dropped, refused or reset by rules on a host; firewall-lockout: a host lets
// nothing through any more; conntrack-full: no new connection is tracked any more.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_firewall();
std::unique_ptr<kinds::FaultKind> make_firewall_lockout();

}  // namespace nospof::faults
