#pragma once
// The firewall probe, ready to run; firewall.hpp says what it does.

#include <memory>

#include "kinds/probe.hpp"
#include "probes/firewall_config.hpp"

namespace nospof::probes {

/// Throws Error when an address is none, or a lab's and this is no lab host.
std::unique_ptr<kinds::Probe> make_firewall_probe(FirewallConfig config);

}  // namespace nospof::probes
