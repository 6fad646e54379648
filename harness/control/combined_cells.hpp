#pragma once
// Cells that hit several hosts: what one failure at a time cannot show. Pure functions.

#include <vector>

#include "analysis/stack_model.hpp"
#include "control/campaign.hpp"
#include "spec/catalogue.hpp"
#include "spec/topology.hpp"

namespace nospof::control {

/// In this order, each with `host-crash` (none when the catalogue cannot crash hosts in a proof):
/// - `together/...`: hosts that users can do without all at once. Every pair of hosts that is
///   predicted to be survived is in one of them (a pairwise covering selection, made greedily).
/// - `relay/A-B/...`: A crashes, and B the moment A begins to come back; for each ordered pair of
///   tiers one pair of hosts that is predicted to be survived, going round the hosts of both.
/// - `control/A+B/...`: minimal cut sets of two hosts: both must break the service, else the
///   proof cannot see an outage, or the topology says too little. 24 at most, first those with a
///   host that is in none yet; others go to `left_out` with the reason.
/// Hosts that are single points of failure are in none of them, nor those that users do not need.
std::vector<Cell> combined_cells(const spec::Topology& topology,
                                 const analysis::Predictor& predictor,
                                 const spec::Catalogue& catalogue, std::vector<LeftOut>& left_out);

}  // namespace nospof::control
