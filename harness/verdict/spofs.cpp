#include "verdict/spofs.hpp"

#include <algorithm>
#include <utility>

namespace nospof::verdict {

namespace {

void add(std::vector<Spof>& spofs, const CellResult& cell) {
  const CellPlan& plan = cell.plan;
  auto known = std::ranges::find(spofs, component_name(plan), &Spof::name);
  if (known == spofs.end()) {
    spofs.push_back({component_name(plan), plan.host, plan.service, {}, {}});
    known = std::prev(spofs.end());
  }
  known->faults.push_back({plan.id, plan.fault, plan.label, cell.longest, cell.reasons});
}

}  // namespace

std::vector<Spof> find_spofs(const std::vector<CellResult>& cells) {
  std::vector<Spof> hosts;
  std::vector<Spof> services;
  std::vector<Spof> in_order;
  for (const CellResult& cell : cells) {
    if (!cell.breached || cell.plan.host.empty()) continue;
    add(cell.plan.service.empty() ? hosts : services, cell);
    add(in_order, cell);
  }
  std::vector<Spof> result;
  for (const Spof& spof : in_order) {
    if (!spof.service.empty()) {
      if (std::ranges::find(hosts, spof.host, &Spof::host) == hosts.end()) result.push_back(spof);
      continue;
    }
    Spof host = spof;
    for (const Spof& service : services)
      if (service.host == host.host) host.services.push_back(service);
    result.push_back(std::move(host));
  }
  return result;
}

}  // namespace nospof::verdict
