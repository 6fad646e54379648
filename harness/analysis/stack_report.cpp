#include "analysis/stack_report.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include <fmt/format.h>

namespace nospof::analysis {

namespace {

constexpr double minutes_of_a_year = 365.25 * 24 * 60;

// What a function needs, as text: functions that are alike in it have the same
// tree.
std::string needs_of(const spec::Topology& topology, const spec::UserFunction& function) {
  std::string text;
  for (const std::string& tier : function.tiers)
    text += fmt::format("{}:{} ", tier, needed_hosts(function, *topology.find_tier(tier)));
  return text;
}

std::vector<NamedCutSet> named(const StackModel& model, const std::vector<CutSet>& sets) {
  std::vector<NamedCutSet> list;
  for (const CutSet& set : sets) {
    NamedCutSet entry{set, 1};
    for (const NodeId event : set) entry.probability *= model.components[event].unavailability();
    list.push_back(std::move(entry));
  }
  std::ranges::stable_sort(list, std::ranges::greater{}, &NamedCutSet::probability);
  return list;
}

FunctionReport report_function(const spec::Topology& topology, const spec::UserFunction& function,
                               const StackReportOptions& options) {
  FunctionReport report{{function.name}, compile(topology, function, Scope::claim), {}, {}, {}, {}};
  const FullSet sets(report.model.tree);
  report.counts = sets.by_order(most_orders);
  for (unsigned order = 0; order <= most_orders; ++order)
    report.sets.push_back(named(report.model, sets.list(order, options.most_sets)));
  report.claim.unavailability = sets.probability();
  const StackModel everything = compile(topology, function, Scope::everything);
  report.everything.unavailability = FullSet(everything.tree).probability();
  return report;
}

void collect_single_points(StackReport& report) {
  for (const FunctionReport& function : report.functions)
    for (const NamedCutSet& set : function.sets[1]) {
      const Component& component = function.model.components[set.components.front()];
      auto known = std::ranges::find_if(report.single_points, [&](const SinglePoint& point) {
        return point.component.name == component.name;
      });
      if (known == report.single_points.end())
        known = report.single_points.insert(report.single_points.end(), {component, {}});
      known->functions.insert(known->functions.end(), function.names.begin(), function.names.end());
    }
  // By place, hosts before what hangs on them: the likeliest first is no order
  // for people.
  std::ranges::stable_sort(report.single_points, [](const auto& a, const auto& b) {
    if (a.component.mark.line != b.component.mark.line)
      return a.component.mark.line < b.component.mark.line;
    return a.component.kind < b.component.kind;
  });
}

void collect_assumed(const spec::Topology& topology, StackReport& report) {
  for (const StackModel& model : compile_all(topology, Scope::everything))
    for (const Component& component : model.components)
      if (component.assumed && std::ranges::none_of(report.assumed, [&](const auto& known) {
            return known.name == component.name;
          }))
        report.assumed.push_back(component);
}

}  // namespace

double Downtime::nines() const {
  return -std::log10(unavailability);
}

double Downtime::minutes_per_year() const {
  return unavailability * minutes_of_a_year;
}

bool StackReport::fails() const {
  return !single_points.empty() || has_errors(findings);
}

StackReport report_stack(const spec::Topology& topology, const StackReportOptions& options) {
  StackReport report;
  std::map<std::string, std::size_t> known;
  for (const spec::UserFunction& function : user_functions(topology)) {
    const auto [same, is_new] = known.emplace(needs_of(topology, function), known.size());
    if (is_new)
      report.functions.push_back(report_function(topology, function, options));
    else
      report.functions[same->second].names.push_back(function.name);
  }
  collect_single_points(report);
  collect_assumed(topology, report);
  report.findings = check_structure(topology);
  return report;
}

std::vector<StructureCheck> all_checks() {
  std::vector<StructureCheck> checks = structure_checks();
  checks.insert(checks.begin(),
                {"single-point-of-failure", "A component whose loss alone stops users."});
  return checks;
}

std::vector<StructureFinding> all_findings(const StackReport& report) {
  std::vector<StructureFinding> findings;
  for (const SinglePoint& point : report.single_points) {
    std::string functions;
    for (const std::string& name : point.functions)
      functions += (functions.empty() ? "" : ", ") + name;
    findings.push_back({"single-point-of-failure",
                        Severity::error,
                        fmt::format("losing {} alone stops: {}", point.component.name, functions),
                        {point.component.name},
                        point.component.mark,
                        "let a second one take over"});
  }
  findings.insert(findings.end(), report.findings.begin(), report.findings.end());
  return findings;
}

}  // namespace nospof::analysis
