#include "control/campaign.hpp"

#include <algorithm>
#include <iterator>
#include <type_traits>

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <fnmatch.h>

#include "analysis/stack_model.hpp"
#include "analysis/user_path.hpp"
#include "control/combined_cells.hpp"
#include "control/limits.hpp"
#include "system/check.hpp"

namespace nospof::control {

namespace {

bool matches(const std::string& pattern, const std::string& id) {
  return ::fnmatch(pattern.c_str(), id.c_str(), 0) == 0;
}

bool matches_any(const std::vector<std::string>& patterns, const std::string& id) {
  return std::ranges::any_of(patterns, [&](const auto& pattern) { return matches(pattern, id); });
}

void add_cells(const spec::Host& host, const std::string& service, const spec::KindInfo& fault,
               std::vector<Cell>& cells) {
  for (const spec::ProveVariant& variant : fault.prove_variants) {
    Cell cell;
    cell.host = host.name;
    cell.service = service;
    cell.fault = fault.name;
    cell.label = variant.label;
    cell.parameters = variant.parameters;
    cell.id = service.empty() ? fmt::format("{}/{}", host.name, fault.name)
                              : fmt::format("{}/{}/{}", host.name, service, fault.name);
    if (!variant.label.empty()) cell.id += ":" + variant.label;
    cells.push_back(std::move(cell));
  }
}

// Why a proof can't try a fault on a service; empty when it can.
std::string obstacle(const spec::Topology& topology, const spec::Host& host,
                     const std::string& service, const spec::KindInfo& fault) {
  switch (fault.prove_requires) {
    case spec::Requirement::none:
      return {};
    case spec::Requirement::tls_hop:
      return topology.hop_ended_by(service, host.name) != nullptr
                 ? ""
                 : "the service ends no TLS hop of the topology";
  }
  return {};
}

// The cells of one host, in the order of its services.
std::vector<Cell> host_cells(const spec::Topology& topology, const spec::Host& host,
                             const spec::Catalogue& catalogue, std::vector<LeftOut>& left_out) {
  std::vector<Cell> cells;
  for (const std::string& service : host.services)
    for (const spec::KindInfo& fault : catalogue.faults) {
      if (fault.target != spec::TargetType::service || fault.prove_variants.empty()) continue;
      const std::string why = obstacle(topology, host, service, fault);
      if (why.empty())
        add_cells(host, service, fault, cells);
      else
        left_out.push_back({fmt::format("{}/{}/{}", host.name, service, fault.name), why});
    }
  for (const spec::KindInfo& fault : catalogue.faults)
    if (fault.target == spec::TargetType::host) add_cells(host, "", fault, cells);
  return cells;
}

// The same fault on each host of a tier in turn: a role that moved away from the host that was just
// hit (a VIP, a leader) is then where the next one hits, so that the active host is tried and not
// only an idle one.
std::vector<Cell> interleaved(const std::vector<std::vector<Cell>>& hosts) {
  const auto same_act = [](const Cell& a, const Cell& b) {
    return a.service == b.service && a.fault == b.fault && a.label == b.label;
  };
  std::vector<Cell> cells;
  for (const std::vector<Cell>& host : hosts)
    for (const Cell& act : host) {
      if (std::ranges::any_of(cells, [&](const Cell& done) { return same_act(done, act); }))
        continue;
      for (const std::vector<Cell>& each : hosts)
        std::ranges::copy_if(each, std::back_inserter(cells),
                             [&](const Cell& cell) { return same_act(cell, act); });
    }
  return cells;
}

std::vector<Cell> all_cells(const spec::Topology& topology, const spec::Catalogue& catalogue,
                            std::vector<LeftOut>& left_out) {
  std::vector<std::pair<std::string, std::vector<std::vector<Cell>>>> groups;
  for (const spec::Host& host : topology.hosts) {
    if (host.observer) {
      left_out.push_back({host.name, "it measures and is not part of the stack"});
      continue;
    }
    const spec::Tier* tier = topology.tier_of(host.name);
    const std::string name = tier != nullptr ? "tier " + tier->name : "host " + host.name;
    auto group = std::ranges::find(groups, name, [](const auto& entry) { return entry.first; });
    if (group == groups.end()) group = groups.insert(groups.end(), {name, {}});
    group->second.push_back(host_cells(topology, host, catalogue, left_out));
  }
  std::vector<Cell> cells;
  for (const auto& [name, hosts] : groups)
    std::ranges::copy(interleaved(hosts), std::back_inserter(cells));
  return cells;
}

// A topology that does not tell how users get in says nothing of what they notice, and so nothing
// of what must fail together.
void predict(const spec::Topology& topology, const spec::Catalogue& catalogue,
             std::vector<Cell>& cells, std::vector<LeftOut>& left_out) {
  if (topology.functions.empty() && analysis::user_path(topology).empty()) return;
  const analysis::Predictor predictor(topology);
  for (Cell& cell : cells)
    cell.predicted =
        predictor.breaks({analysis::component_of(cell.host, cell.service)}) ? "breaks" : "survives";
  std::ranges::move(combined_cells(topology, predictor, catalogue, left_out),
                    std::back_inserter(cells));
}

}  // namespace

Campaign plan_campaign(const spec::Topology& topology, const spec::Catalogue& catalogue,
                       const CellFilter& filter) {
  Campaign campaign;
  std::vector<Cell> cells = all_cells(topology, catalogue, campaign.left_out);
  predict(topology, catalogue, cells, campaign.left_out);
  for (const auto* patterns : {&filter.only, &filter.skip})
    for (const std::string& pattern : *patterns)
      if (std::ranges::none_of(cells, [&](const Cell& c) { return matches(pattern, c.id); }))
        throw Error(
            fmt::format("the pattern '{}' matches no cell; `nospof prove --list {}` shows them all",
                        pattern, topology.file));
  for (const Cell& cell : cells) {
    if (!filter.only.empty() && !matches_any(filter.only, cell.id))
      campaign.left_out.push_back({cell.id, "not asked for (--only)"});
    else if (matches_any(filter.skip, cell.id))
      campaign.left_out.push_back({cell.id, "skipped on request (--skip)"});
    else if (const std::string why = beyond_limits(topology, cell.targets()); !why.empty())
      campaign.left_out.push_back({cell.id, "beyond the limits of the topology: " + why});
    else
      campaign.cells.push_back(cell);
  }
  if (!cells.empty() && campaign.cells.empty() && !filter.skip.empty())
    throw Error("--skip leaves no cell; leave some pattern out");
  for (const spec::SharedDependency& shared : topology.shared)
    if (!shared.tested)
      campaign.left_out.push_back(
          {shared.name,
           fmt::format("shared {}: assumed to hold, not broken by this proof", shared.kind)});
  return campaign;
}

void add_flows(const spec::Topology& topology, kinds::StackView& view) {
  const auto listens = [&](const std::string& host_name, int port) {
    const spec::Host* host = topology.find_host(host_name);
    if (host == nullptr) return false;
    const std::string wanted = fmt::format("{}/tcp", port);
    return std::ranges::any_of(host->services, [&](const std::string& name) {
      const spec::Service* service = topology.find_service(name);
      return service != nullptr &&
             std::ranges::find(service->listens, wanted) != service->listens.end();
    });
  };
  for (const spec::Flow& flow : topology.flows) {
    if (flow.protocol != spec::Protocol::tcp || !flow.to_vip.empty()) continue;
    for (const std::string& from : flow.from)
      for (const std::string& to : flow.to)
        for (const int port : flow.ports)
          if (from != to && listens(to, port)) view.flows.push_back({from, to, port});
  }
}

kinds::json::object parameters_json(const spec::Parameters& parameters) {
  kinds::json::object object;
  for (const auto& entry : parameters) {
    kinds::json::value& text = object[entry.first];
    std::visit(
        [&](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, spec::Duration>) {
            text = spec::format_duration(v);
          } else if constexpr (std::is_same_v<T, spec::Rate>) {
            text = fmt::format("{}/s", v.per_second);
          } else if constexpr (std::is_same_v<T, spec::Percent>) {
            text = fmt::format("{}%", v.fraction * 100);
          } else if constexpr (std::is_same_v<T, spec::Bandwidth>) {
            text = spec::format_bandwidth(v);
          } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
            text = kinds::json::array(v.begin(), v.end());
          } else {
            text = v;
          }
        },
        entry.second);
  }
  return object;
}

}  // namespace nospof::control
