#include "control/plan.hpp"

#include <algorithm>

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/stack_model.hpp"
#include "analysis/user_path.hpp"
#include "spec/units.hpp"

namespace nospof::control {

namespace json = boost::json;

namespace {

// What the rest took on average in proofs of the reference stack with all probes on two cores:
// injecting, healing, becoming whole again, and for each further host that crashes.
constexpr Nanoseconds overhead = std::chrono::milliseconds(2100);
constexpr Nanoseconds overhead_of_another = std::chrono::milliseconds(2000);

constexpr int plan_schema = 1;

std::vector<std::string> roles_of(const spec::Topology& topology, const Cell& cell) {
  std::vector<std::string> roles;
  for (const spec::Role& role : topology.roles)
    if (std::ranges::find_first_of(role.among, cell.targets()) != role.among.end())
      roles.push_back(role.name);
  return roles;
}

// How many hosts of the tier the cell takes away.
int taken_from(const spec::Tier& tier, const Cell& cell) {
  if (cell.in_turn) return 0;
  const std::vector<std::string> targets = cell.targets();
  return static_cast<int>(std::ranges::count_if(tier.hosts, [&](const std::string& host) {
    return std::ranges::find(targets, host) != targets.end();
  }));
}

// What is needed of the tiers that it hits, and what is left of them.
std::string needs_text(const spec::Topology& topology, const analysis::StackModel& model,
                       const Cell& cell) {
  const std::vector<analysis::PathTier> path = analysis::user_path(topology);
  std::string text;
  for (const spec::Tier& tier : topology.tiers) {
    const int taken = taken_from(tier, cell);
    if (taken == 0 ||
        std::ranges::find(model.function.tiers, tier.name) == model.function.tiers.end())
      continue;
    text += fmt::format("{}{} needs {} of tier {}, {} left", text.empty() ? "" : "; ",
                        model.function.name, analysis::needed_hosts(model.function, tier),
                        tier.name, static_cast<int>(tier.hosts.size()) - taken);
    if (const auto ways = analysis::only_ways_in(path, tier); !ways.empty())
      text += fmt::format(", but requests come in by {} alone", fmt::join(ways, ", "));
  }
  return text;
}

std::string reason(const spec::Topology& topology, const analysis::Predictor& predictor,
                   const Cell& cell) {
  if (cell.in_turn) return "the one comes back while the other is down; users can do without both";
  if (cell.hosts.empty() && !predictor.knows(analysis::component_of(cell.host, cell.service)))
    return "users do not need it";
  std::string text;
  for (const analysis::StackModel& model : predictor.models()) {
    const std::string needs = needs_text(topology, model, cell);
    if (!needs.empty()) text += (text.empty() ? "" : "; ") + needs;
  }
  return text;
}

Nanoseconds estimate_of(const spec::ProveSettings& pace, const Cell& cell, Nanoseconds budget) {
  const Nanoseconds held =
      cell.in_turn ? pace.hold * static_cast<int>(cell.hosts.size()) : Nanoseconds(pace.hold);
  const Nanoseconds more =
      overhead_of_another * std::max(static_cast<int>(cell.hosts.size()) - 1, 0);
  return pace.baseline + held + pace.settle + overhead + more +
         (cell.predicted == "breaks" ? budget : Nanoseconds{});
}

json::array texts(const std::vector<std::string>& list) {
  return json::array(list.begin(), list.end());
}

json::object cell_json(const PlannedCell& planned) {
  const Cell& cell = planned.cell;
  json::object object;
  object["id"] = cell.id;
  object["component"] = cell.hosts.empty() ? analysis::component_of(cell.host, cell.service) : "";
  object["host"] = cell.host;
  object["service"] = cell.service;
  object["hosts"] = texts(cell.targets());
  object["in_turn"] = cell.in_turn;
  object["control"] = is_control(cell);
  object["fault"] = cell.fault;
  object["label"] = cell.label;
  object["parameters"] = parameters_json(cell.parameters);
  object["roles"] = texts(planned.roles);
  object["predicted"] = cell.predicted;
  object["because"] = planned.because;
  object["estimate_ns"] = planned.estimate.count();
  return object;
}

}  // namespace

const std::vector<std::string>& cell_phases() {
  static const std::vector<std::string> phases = {"baseline", "inject", "observe", "heal",
                                                  "recover"};
  return phases;
}

ProofPlan make_plan(const spec::Topology& topology, const Campaign& campaign, Nanoseconds budget) {
  ProofPlan plan;
  plan.left_out = campaign.left_out;
  std::optional<analysis::Predictor> predictor;
  if (!topology.functions.empty() || !analysis::user_path(topology).empty())
    predictor.emplace(topology);
  const spec::ProveSettings& pace = topology.prove;
  for (const Cell& cell : campaign.cells) {
    PlannedCell planned{cell, {}, roles_of(topology, cell), estimate_of(pace, cell, budget)};
    planned.because = predictor ? reason(topology, *predictor, cell)
                                : "no flow leads from the workload to a tier";
    plan.estimate += planned.estimate;
    plan.cells.push_back(std::move(planned));
  }
  return plan;
}

std::string plan_text(const spec::Topology& topology, const ProofPlan& plan) {
  std::string text = fmt::format("{}: {} cells, about {} in one lab\n", topology.name,
                                 plan.cells.size(), spec::human_duration(plan.estimate));
  std::size_t breaking = 0;
  std::size_t controls = 0;
  for (const PlannedCell& planned : plan.cells) {
    breaking += planned.cell.predicted == "breaks" ? 1U : 0U;
    controls += is_control(planned.cell) ? 1U : 0U;
    std::string roles;
    for (const std::string& role : planned.roles) roles += (roles.empty() ? "" : ", ") + role;
    text += fmt::format("  {:<40} {:<9} {:>6}  {}{}{}\n", planned.cell.id, planned.cell.predicted,
                        spec::human_duration(planned.estimate),
                        is_control(planned.cell) ? "control: " : "", planned.because,
                        roles.empty() ? "" : "; may have the role " + roles);
  }
  text += fmt::format("predicted: {} survive, {} break, {} of these as controls\n",
                      plan.cells.size() - breaking, breaking, controls);
  for (const LeftOut& entry : plan.left_out)
    text += fmt::format("left out: {}: {}\n", entry.what, entry.why);
  return text;
}

json::object plan_json(const spec::Topology& topology, const ProofPlan& plan) {
  json::object object;
  object["kind"] = "plan";
  object["schema"] = plan_schema;
  object["tool"] = std::string("nospof ") + NOSPOF_VERSION;
  object["topology"] = {
      {"name", topology.name}, {"file", topology.file}, {"sha256", topology.sha256}};
  object["phases"] = texts(cell_phases());
  object["estimate_ns"] = plan.estimate.count();
  json::array cells;
  for (const PlannedCell& planned : plan.cells) cells.push_back(cell_json(planned));
  object["cells"] = std::move(cells);
  json::array left_out;
  for (const LeftOut& entry : plan.left_out)
    left_out.push_back(json::object{{"what", entry.what}, {"why", entry.why}});
  object["left_out"] = std::move(left_out);
  return object;
}

}  // namespace nospof::control
