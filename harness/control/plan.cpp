#include "control/plan.hpp"

#include <algorithm>
#include <set>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "analysis/full_set.hpp"
#include "analysis/stack_model.hpp"
#include "analysis/user_path.hpp"
#include "spec/units.hpp"

namespace nospof::control {

namespace json = boost::json;

namespace {

// What injecting, confirming, healing and waiting for redundancy took on
// average in proofs of the reference stack, on two busy cores.
constexpr Nanoseconds overhead = std::chrono::seconds(3);

constexpr int plan_schema = 1;
constexpr std::size_t most_looked_at = 20'000;
constexpr std::size_t most_controls = 1000;

std::vector<std::string> roles_of(const spec::Topology& topology, const std::string& host) {
  std::vector<std::string> roles;
  for (const spec::Role& role : topology.roles)
    if (std::ranges::find(role.among, host) != role.among.end()) roles.push_back(role.name);
  return roles;
}

std::string reason(const spec::Topology& topology, const analysis::Predictor& predictor,
                   const Cell& cell) {
  const std::string component = analysis::component_of(cell.host, cell.service);
  if (!predictor.knows(component)) return "users do not need it";
  const spec::Tier* tier = topology.tier_of(cell.host);
  std::string text;
  for (const analysis::StackModel& model : predictor.models()) {
    if (tier == nullptr ||
        std::ranges::find(model.function.tiers, tier->name) == model.function.tiers.end())
      continue;
    const int needed = analysis::needed_hosts(model.function, *tier);
    const auto left = static_cast<int>(tier->hosts.size()) - 1;
    text += fmt::format("{}{} needs {} of tier {}, {} left", text.empty() ? "" : "; ",
                        model.function.name, needed, tier->name, left);
  }
  return text;
}

// Minimal cut sets of two components that a fault can hit: hosts and services.
std::vector<ControlPair> controls_of(const analysis::Predictor& predictor) {
  std::vector<ControlPair> pairs;
  std::set<std::pair<std::string, std::string>> known;
  const auto can_be_hit = [](const analysis::Component& component) {
    return component.kind == analysis::ComponentKind::host ||
           component.kind == analysis::ComponentKind::service;
  };
  for (const analysis::StackModel& model : predictor.models())
    for (const analysis::CutSet& set : analysis::FullSet(model.tree).list(2, most_looked_at)) {
      const analysis::Component& one = model.components[set[0]];
      const analysis::Component& other = model.components[set[1]];
      if (!can_be_hit(one) || !can_be_hit(other) || one.host == other.host ||
          pairs.size() >= most_controls)
        continue;
      if (known.emplace(one.name, other.name).second)
        pairs.push_back({one.name, other.name, model.function.name});
    }
  return pairs;
}

json::array texts(const std::vector<std::string>& list) {
  return json::array(list.begin(), list.end());
}

json::object cell_json(const PlannedCell& planned) {
  const Cell& cell = planned.cell;
  json::object object;
  object["id"] = cell.id;
  object["component"] = analysis::component_of(cell.host, cell.service);
  object["host"] = cell.host;
  object["service"] = cell.service;
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
    PlannedCell planned{cell, {}, roles_of(topology, cell.host), {}};
    planned.because = predictor ? reason(topology, *predictor, cell)
                                : "no flow leads from the workload to a tier";
    planned.estimate = pace.baseline + pace.hold + pace.settle + overhead +
                       (cell.predicted == "breaks" ? budget : Nanoseconds{});
    plan.estimate += planned.estimate;
    plan.cells.push_back(std::move(planned));
  }
  if (predictor) plan.controls = controls_of(*predictor);
  return plan;
}

std::string plan_text(const spec::Topology& topology, const ProofPlan& plan) {
  std::string text = fmt::format("{}: {} cells, about {} in one lab\n", topology.name,
                                 plan.cells.size(), spec::human_duration(plan.estimate));
  std::size_t breaking = 0;
  for (const PlannedCell& planned : plan.cells) {
    const bool breaks = planned.cell.predicted == "breaks";
    breaking += breaks ? 1U : 0U;
    std::string roles;
    for (const std::string& role : planned.roles) roles += (roles.empty() ? "" : ", ") + role;
    text += fmt::format("  {:<40} {:<9} {:>6}  {}{}\n", planned.cell.id, planned.cell.predicted,
                        spec::human_duration(planned.estimate), planned.because,
                        roles.empty() ? "" : "; may have the role " + roles);
  }
  text += fmt::format("predicted: {} survive, {} break\n", plan.cells.size() - breaking, breaking);
  for (const LeftOut& entry : plan.left_out)
    text += fmt::format("left out: {}: {}\n", entry.what, entry.why);
  if (!plan.controls.empty())
    text += fmt::format(
        "controls, not run by `nospof prove`: {} pairs that must break users "
        "together\n",
        plan.controls.size());
  for (const ControlPair& pair : plan.controls)
    text += fmt::format("  {} + {}: breaks {}\n", pair.one, pair.other, pair.function);
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
  json::array controls;
  for (const ControlPair& pair : plan.controls)
    controls.push_back(json::object{{"components", json::array{pair.one, pair.other}},
                                    {"predicted", "breaks"},
                                    {"function", pair.function}});
  object["controls"] = std::move(controls);
  return object;
}

}  // namespace nospof::control
