#pragma once
// The nftables text of faults of the firewall. Pure.

#include <string>
#include <vector>

#include "faults/cut.hpp"

namespace nospof::faults {

enum class FirewallAction { drop, reject, tcp_reset };

/// What happens to which packets.
struct FirewallFlow {
  Cut cut;
  FirewallAction action = FirewallAction::drop;
  double ratio = 1;  ///< share of the packets, drawn at random
};

/// Chains that count what matched and what was acted upon, in this order.
inline constexpr const char* hit_in = "hit_in";
inline constexpr const char* hit_out = "hit_out";

/// What comes in is met at the device, before connection tracking. So is what goes out when it is
/// dropped; an answer can only be given where it is sent from, in the first output chain.
std::vector<std::string> firewall_families(const FirewallFlow& flow);
std::vector<std::string> firewall_hooks(const FirewallFlow& flow);
std::string firewall_rules(const FirewallFlow& flow, const std::string& table,
                           const std::vector<NetworkDevice>& devices);

/// Default deny on all three hooks of IP, loopback excepted.
std::string lockout_rules(const std::string& table);

}  // namespace nospof::faults
