#pragma once
// Which part of a topology users' requests pass: found from the workload and the flows. What lies
// beside it (monitoring, an exporter) may fail without users noticing.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "spec/topology.hpp"

namespace nospof::analysis {

/// A tier that requests pass, and where they come in.
struct PathTier {
  const spec::Tier* tier = nullptr;  ///< of the topology; lives as long as it
  /// What its hosts are asked at ("443/tcp"), and which of them are asked there.
  std::map<std::string, std::set<std::string>> reached;
};

/// Tiers in the order in which requests reach them: breadth first from the workload's sender, along
/// TCP and UDP flows between tiers whose port somebody of the target tier listens on. Traffic
/// inside of one tier leads nowhere.
std::vector<PathTier> user_path(const spec::Topology& topology);

/// The entry of that tier, or nullptr when requests do not pass it.
const PathTier* find_tier(const std::vector<PathTier>& path, const std::string& tier);

/// Hosts of the tier without which no request gets in, as the workload's URL or the flows name them
/// and none of the others; empty when any host of the tier will do, or requests do not pass it. Of
/// several ports the one by which the fewest hosts are reached: a port is not asked for nothing.
std::vector<std::string> only_ways_in(const std::vector<PathTier>& path, const spec::Tier& tier);

/// Services without which a host of the tier serves no user, in the order they stand there: those
/// that say `needed: true`; of those that say nothing the ones that listen where requests come in,
/// and the ones that run in this tier only (what moves its VIP or keeps its data).
std::vector<std::string> needed_services(const spec::Topology& topology, const PathTier& path_tier,
                                         const std::string& host);

}  // namespace nospof::analysis
