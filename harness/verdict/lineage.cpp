#include "verdict/lineage.hpp"

#include <algorithm>
#include <optional>

#include "verdict/evidence.hpp"

namespace nospof::verdict {

namespace {

constexpr std::string_view kind = "connections";
constexpr std::string_view idle_route = "idle-route";

std::optional<std::int64_t> first_injection(const RunRecord& run) {
  std::optional<std::int64_t> first;
  for (const CellRecord& cell : run.cells)
    if (const auto at_ns = evidence_of(cell).injected_ns(); at_ns && (!first || *at_ns < *first))
      first = at_ns;
  return first;
}

bool is_of_connections(const RunRecord& run, const std::string& probe) {
  return std::ranges::any_of(run.observers, [&](const ObserverInfo& observer) {
    return observer.probe == probe && observer.kind == kind;
  });
}

}  // namespace

void LineageBuilder::add_lab(const RunRecord& run) {
  const auto until_ns = first_injection(run);
  if (!until_ns) return;
  std::int64_t from_ns = *until_ns;
  for (const Look& look : run.looks)
    if (is_of_connections(run, look.probe) && look.round.checked > look.round.undecided)
      from_ns = std::min(from_ns, look.round.begin_ns);
  baseline_ = std::max(baseline_, Nanoseconds(*until_ns - from_ns));
  for (const Sighting& sighting : run.sightings) {
    const kinds::Finding& finding = sighting.finding;
    if (finding.what != idle_route || finding.at_ns > *until_ns) continue;
    Route& route = routes_[finding.subject];
    route.flow = finding.detail;
    route.used = route.used || finding.over;
  }
}

Lineage LineageBuilder::finish() const {
  Lineage lineage{baseline_, {}};
  std::map<std::string, FlowUse> flows;
  for (const auto& [subject, route] : routes_) {
    FlowUse& flow = flows[route.flow];
    flow.flow = route.flow;
    (route.used ? flow.used : flow.idle).push_back(subject);
  }
  for (auto& [name, flow] : flows) lineage.flows.push_back(std::move(flow));
  return lineage;
}

}  // namespace nospof::verdict
