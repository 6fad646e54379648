#include "control/connection_plan.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spec/listener.hpp"
#include "system/clock.hpp"

namespace nospof::control {

namespace json = boost::json;

namespace {

/// Listing what is open walks through a table of the whole machine; what is short is told anyway.
constexpr Nanoseconds look_every = std::chrono::seconds(2);

using Names = std::vector<std::string>;

bool contains(const Names& list, const std::string& wanted) {
  return std::ranges::find(list, wanted) != list.end();
}

// "lb, web, mon1": tiers in place of their hosts, where all of them are there.
std::string grouped(const spec::Topology& topology, const Names& hosts) {
  Names names;
  std::set<std::string> told;
  for (const std::string& host : hosts) {
    const spec::Tier* tier = topology.tier_of(host);
    const bool whole = tier != nullptr && std::ranges::all_of(tier->hosts, [&](const auto& other) {
                         return contains(hosts, other);
                       });
    const std::string& name = whole ? tier->name : host;
    if (told.insert(name).second) names.push_back(name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

json::array hosts_of(const spec::Topology& topology) {
  json::array hosts;
  for (const spec::Host& host : topology.hosts)
    hosts.push_back({{"name", host.name}, {"address", host.address}});
  for (const spec::Vip& vip : topology.vips)
    hosts.push_back({{"name", vip.name}, {"address", vip.address}});
  return hosts;
}

std::vector<int> tcp_ports(const spec::Topology& topology, const spec::Host& host) {
  std::vector<int> ports;
  for (const std::string& name : host.services)
    if (const spec::Service* service = topology.find_service(name))
      for (const std::string& listens : service->listens)
        if (listens.ends_with("/tcp")) ports.push_back(std::stoi(listens));
  return ports;
}

// A floating address is listened on where its owners are.
json::array listeners_of(const spec::Topology& topology) {
  std::set<std::pair<std::string, int>> listeners;
  for (const spec::Host& host : topology.hosts)
    for (const int port : tcp_ports(topology, host)) {
      listeners.emplace(host.name, port);
      for (const spec::Vip& vip : topology.vips)
        if (contains(vip.owners, host.name)) listeners.emplace(vip.name, port);
    }
  json::array list;
  for (const auto& [on, port] : listeners) list.push_back({{"on", on}, {"port", port}});
  return list;
}

json::array uses_of(const spec::Topology& topology, const spec::Host& host) {
  json::array uses;
  std::set<std::pair<std::string, int>> known;
  for (const spec::Flow& flow : topology.flows) {
    if (flow.protocol != spec::Protocol::tcp || !contains(flow.from, host.name)) continue;
    const bool to_vip = !flow.to_vip.empty();
    const std::string from = grouped(topology, flow.from);
    const std::string to_text = to_vip ? flow.to_vip : grouped(topology, flow.to);
    for (const int port : flow.ports)
      for (const std::string& to : to_vip ? Names{flow.to_vip} : flow.to)
        if (to != host.name && known.emplace(to, port).second)
          uses.push_back({{"flow", fmt::format("{} -> {}:{}/tcp", from, to_text, port)},
                          {"to", to},
                          {"port", port}});
  }
  return uses;
}

}  // namespace

json::object connections_config(const spec::Topology& topology, const spec::Host& host) {
  json::object config{
      {"host", host.name}, {"every_ns", look_every.count()}, {"hosts", hosts_of(topology)}};
  const auto add = [&config](const char* key, json::array list) {
    if (!list.empty()) config[key] = std::move(list);
  };
  add("listeners", listeners_of(topology));
  add("uses", uses_of(topology, host));
  return config;
}

}  // namespace nospof::control
