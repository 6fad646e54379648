#include "control/plan_check.hpp"

#include <map>
#include <set>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "control/campaign.hpp"

namespace nospof::control {

namespace {

bool same(const Cell& cell, const verdict::CellPlan& plan) {
  std::map<std::string, std::string> parameters;
  for (const auto& entry : parameters_json(cell.parameters))
    parameters[std::string(entry.key())] = kinds::json::serialize(entry.value());
  return cell.host == plan.host && cell.service == plan.service && cell.fault == plan.fault &&
         cell.label == plan.label && cell.hosts == plan.hosts && cell.in_turn == plan.in_turn &&
         (plan.predicted.empty() || cell.predicted == plan.predicted) &&
         parameters == plan.parameters;
}

}  // namespace

std::vector<std::string> check_plan(const spec::Topology& topology,
                                    const spec::Catalogue& catalogue,
                                    const verdict::RunRecord& run) {
  const Campaign campaign = plan_campaign(topology, catalogue, {});
  std::map<std::string, const Cell*> cells;
  for (const Cell& cell : campaign.cells) cells[cell.id] = &cell;
  std::vector<std::string> problems;
  std::set<std::string> told;
  for (const verdict::CellRecord& record : run.cells) {
    const std::string& id = record.plan.id;
    const auto cell = cells.find(id);
    if (!told.insert(id).second)
      problems.push_back(fmt::format("the cell {} stands twice", id));
    else if (cell == cells.end())
      problems.push_back(fmt::format("the cell {} is none of this topology", id));
    else if (!same(*cell->second, record.plan))
      problems.push_back(fmt::format("the cell {} is not planned as this topology has it", id));
  }
  for (const verdict::LeftOut& entry : run.left_out) told.insert(entry.what);
  for (const auto& [id, cell] : cells)
    if (!told.contains(id))
      problems.push_back(fmt::format("the cell {} is neither planned nor left out", id));
  return problems;
}

}  // namespace nospof::control
