#include "analysis/compare.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "analysis/user_path.hpp"

namespace nospof::analysis {

namespace {

double per_year(const spec::Money& money, double years) {
  switch (money.per) {
    case spec::Money::Per::once:
      return money.amount / years;
    case spec::Money::Per::month:
      return money.amount * 12;
    case spec::Money::Per::year:
      return money.amount;
  }
  return money.amount;
}

// The zone of the topology with fewest hosts of the tier.
std::string emptiest_zone(const spec::Topology& topology, const spec::Tier& tier) {
  std::string best;
  std::ptrdiff_t fewest = 0;
  for (const std::string& zone : topology.zones) {
    const auto there = std::ranges::count_if(tier.hosts, [&](const std::string& name) {
      const spec::Host* host = topology.find_host(name);
      return host != nullptr && host->zone == zone;
    });
    if (!best.empty() && there >= fewest) continue;
    best = zone;
    fewest = there;
  }
  return best;
}

// Lists of hosts that had the whole tier have the new one, too.
void join(std::vector<std::string>& hosts, const std::vector<std::string>& tier,
          const std::string& twin) {
  const bool whole = std::ranges::all_of(
      tier, [&](const std::string& host) { return std::ranges::find(hosts, host) != hosts.end(); });
  if (whole) hosts.push_back(twin);
}

std::string fresh_name(const spec::Topology& topology, const std::string& tier) {
  for (int number = 1;; ++number) {
    std::string name = fmt::format("{}+{}", tier, number);
    if (topology.find_host(name) == nullptr) return name;
  }
}

std::vector<ScalingStep> steps_of(const spec::Topology& topology, const Compared& now,
                                  double years) {
  std::vector<ScalingStep> steps;
  for (const PathTier& entry : user_path(topology)) {
    const spec::Topology larger = scaled(topology, entry.tier->name);
    Compared then;
    then.report = report_stack(larger, {.most_sets = 1});
    then.cost = cost_of(larger, years);
    const spec::Tier* tier = larger.find_tier(entry.tier->name);
    ScalingStep step;
    step.tier = tier->name;
    step.needs = tier->needs;
    step.hosts = tier->hosts.size();
    step.minutes_saved = now.claim().minutes_per_year() - then.claim().minutes_per_year();
    if (!now.cost.currency.empty() && now.cost.without.size() == then.cost.without.size())
      step.cost = then.cost.per_year() - now.cost.per_year();
    steps.push_back(step);
  }
  return steps;
}

Downtime worst(const StackReport& report, Downtime FunctionReport::*which) {
  Downtime most;
  for (const FunctionReport& function : report.functions)
    most.unavailability = std::max(most.unavailability, (function.*which).unavailability);
  return most;
}

}  // namespace

StackCost cost_of(const spec::Topology& topology, double years) {
  StackCost total;
  for (const spec::Host& host : topology.hosts) {
    if (host.observer) continue;
    bool says = false;
    const auto add = [&](const std::optional<spec::Money>& money, double& sum) {
      if (!money) return;
      says = true;
      total.currency = money->currency;
      sum += per_year(*money, years);
    };
    add(host.cost.hardware, total.hardware);
    add(host.cost.setup, total.setup);
    add(host.cost.power, total.power);
    add(host.cost.maintenance, total.maintenance);
    add(host.cost.administration, total.administration);
    if (!says) total.without.push_back(host.name);
  }
  return total;
}

spec::Topology scaled(const spec::Topology& topology, const std::string& tier_name) {
  spec::Topology larger = topology;
  const spec::Tier before = *topology.find_tier(tier_name);
  spec::Host twin = *topology.find_host(before.hosts.front());
  twin.name = fresh_name(topology, tier_name);
  if (const std::string zone = emptiest_zone(topology, before); !zone.empty()) twin.zone = zone;
  for (spec::Vip& vip : larger.vips) join(vip.owners, before.hosts, twin.name);
  for (spec::Flow& flow : larger.flows) {
    join(flow.from, before.hosts, twin.name);
    join(flow.to, before.hosts, twin.name);
  }
  for (spec::TlsHop& hop : larger.tls_hops) {
    join(hop.from, before.hosts, twin.name);
    join(hop.to, before.hosts, twin.name);
  }
  for (spec::SharedDependency& shared : larger.shared)
    join(shared.used_by, before.hosts, twin.name);
  for (spec::CommonCause& cause : larger.common_causes) join(cause.on, before.hosts, twin.name);
  larger.hosts.push_back(twin);
  const auto tier = std::ranges::find(larger.tiers, tier_name, &spec::Tier::name);
  tier->hosts.push_back(twin.name);
  const auto size = static_cast<int>(before.hosts.size());
  if (size >= 3 && before.needs == size / 2 + 1) tier->needs = (size + 1) / 2 + 1;
  return larger;
}

Downtime Compared::claim() const {
  return worst(report, &FunctionReport::claim);
}

Downtime Compared::everything() const {
  return worst(report, &FunctionReport::everything);
}

std::string Compared::count(unsigned order) const {
  std::string most = "0";
  for (const FunctionReport& function : report.functions) {
    const std::string& text = function.counts[order].text();
    if (text.size() > most.size() || (text.size() == most.size() && text > most)) most = text;
  }
  return most;
}

Comparison compare_stacks(const spec::Topology& a, const spec::Topology& b, double years) {
  Comparison comparison;
  comparison.years = years;
  const auto fill = [&](Compared& one, const spec::Topology& topology) {
    one.topology = &topology;
    one.report = report_stack(topology);
    one.cost = cost_of(topology, years);
    one.steps = steps_of(topology, one, years);
  };
  fill(comparison.a, a);
  fill(comparison.b, b);
  const StackCost& first = comparison.a.cost;
  const StackCost& second = comparison.b.cost;
  const double saved =
      comparison.a.claim().minutes_per_year() - comparison.b.claim().minutes_per_year();
  const bool known = !first.currency.empty() && first.currency == second.currency &&
                     first.without.empty() && second.without.empty();
  if (known && saved > 0)
    comparison.cost_per_minute = (second.per_year() - first.per_year()) / saved;
  return comparison;
}

}  // namespace nospof::analysis
