#include "control/limits.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control/campaign.hpp"
#include "system/check.hpp"

namespace nospof::control {

namespace {

// The hosts that are known before it runs: named ones, and those of tiers.
std::vector<std::string> known_hosts(const spec::FaultSpec& fault, const spec::Topology& topology) {
  std::vector<std::string> hosts;
  for (const std::string& target : fault.targets) {
    if (const spec::Tier* tier = topology.find_tier(target))
      hosts.insert(hosts.end(), tier->hosts.begin(), tier->hosts.end());
    else if (topology.find_host(target) != nullptr)
      hosts.push_back(target);
  }
  std::ranges::sort(hosts);
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
  return hosts;
}

}  // namespace

std::string beyond_limits(const spec::Topology& topology, const std::vector<std::string>& hosts) {
  const spec::Limits& limits = topology.limits;
  const std::set<std::string> broken(hosts.begin(), hosts.end());
  for (const std::string& host : limits.protected_hosts)
    if (broken.contains(host)) return fmt::format("{} is protected", host);
  if (broken.size() > static_cast<std::size_t>(limits.hosts))
    return fmt::format("{} hosts at the same time ({}), at most {} are allowed", broken.size(),
                       fmt::join(broken, ", "), limits.hosts);
  for (const spec::Tier& tier : topology.tiers) {
    const auto count = std::ranges::count_if(
        tier.hosts, [&](const std::string& host) { return broken.contains(host); });
    const auto size = static_cast<double>(tier.hosts.size());
    // A third of three is one, whatever the rounding of 33.3 % says.
    const double allowed = limits.tier_share.fraction * size + 0.01;
    if (static_cast<double>(count) > allowed)
      return fmt::format(
          "{} of the {} hosts of tier {} at the same time, at most {:.0f} % are allowed", count,
          tier.hosts.size(), tier.name, limits.tier_share.fraction * 100);
  }
  return {};
}

void check_limits(const spec::Experiment& experiment, const spec::Topology& topology,
                  const kinds::Registry& registry) {
  const kinds::StackView stack =
      stack_view(topology, [](const std::string&) { return std::string(); });
  std::vector<std::vector<std::string>> radius;
  for (const spec::FaultSpec& fault : experiment.faults) {
    const std::vector<std::string> hosts = known_hosts(fault, topology);
    radius.push_back(hosts.empty() ? hosts
                                   : registry.fault(fault.kind)
                                         .plan(hosts, fault.service, fault.parameters, stack)
                                         .blast_radius);
  }
  // Most is broken at the moment when some fault begins.
  for (const spec::FaultSpec& begins : experiment.faults) {
    std::vector<std::string> broken;
    for (std::size_t i = 0; i < experiment.faults.size(); ++i) {
      const spec::FaultSpec& other = experiment.faults[i];
      if (other.at <= begins.at && begins.at < other.at + other.duration)
        broken.insert(broken.end(), radius[i].begin(), radius[i].end());
    }
    const std::string why = beyond_limits(topology, broken);
    if (!why.empty())
      throw Error(fmt::format("{}: at {} the faults go beyond the limits of {}: {}",
                              experiment.file, spec::format_duration(begins.at), topology.file,
                              why));
  }
}

void require_consent(const spec::Topology& topology, bool given) {
  if (given) return;
  for (const spec::Host& host : topology.hosts)
    if (host.transport != spec::TransportKind::lab)
      throw Error(
          fmt::format("{}:{}: host {} is no lab: faults would hit a real machine. Say --confirm if "
                      "that is meant",
                      topology.file, host.mark.line, host.name));
}

}  // namespace nospof::control
