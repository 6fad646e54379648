#pragma once
// What a round of the firewall probe proves; pure functions.

#include <cstdint>
#include <string>
#include <vector>

#include "probes/connect_sweep.hpp"
#include "probes/firewall_config.hpp"

namespace nospof::probes {

/// Whether the target's finding ("open" or "closed") is so.
enum class FirewallVerdict { so, not_so, undecided };

/// What else was seen in the same round.
struct FirewallView {
  bool anybody_answered = false;  ///< another host answered something: this one is not cut off
  bool host_answered = false;     ///< the target's own host did
};

FirewallVerdict judge_reach(const FirewallTarget& target, Reach reach, const FirewallView& view);

/// Of each target of a round, in their order.
std::vector<FirewallVerdict> judge_round(const FirewallConfig& config,
                                         const std::vector<Reached>& reached);

}  // namespace nospof::probes
