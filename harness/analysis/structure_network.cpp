// Firewalls and flows.

#include <array>
#include <sstream>

#include "analysis/structure_parts.hpp"
#include "spec/listener.hpp"

namespace nospof::analysis {

namespace {

constexpr std::array firewall_programs = {"nft",
                                          "iptables",
                                          "ip6tables",
                                          "iptables-restore",
                                          "ip6tables-restore",
                                          "iptables-nft",
                                          "iptables-legacy",
                                          "ebtables",
                                          "arptables",
                                          "ufw",
                                          "firewall-cmd",
                                          "ipset"};

// The firewall program that an argv runs, also inside of a word (sh -c 'nft flush ..'); or "".
std::string firewall_program(const std::vector<std::string>& argv) {
  for (const std::string& argument : argv) {
    std::istringstream words(argument);
    for (std::string word; words >> word;) {
      word.erase(0, word.find_last_of('/') + 1);  // npos + 1: nothing
      if (std::ranges::find(firewall_programs, word) != firewall_programs.end()) return word;
    }
  }
  return {};
}

std::vector<std::string> hosts_running(const spec::Topology& topology, const std::string& service) {
  std::vector<std::string> hosts;
  for (const spec::Host& host : topology.hosts)
    if (contains(host.services, service)) hosts.push_back(host.name);
  return hosts;
}

void check_service(StructureCase& c, const spec::Service& service) {
  std::string program = firewall_program(service.command);
  for (const auto& argv : service.prepare)
    if (program.empty()) program = firewall_program(argv);
  if (program.empty()) program = firewall_program(service.reload);
  if (program.empty()) return;
  std::vector<std::string> names = hosts_running(c.topology, service.name);
  const std::string hosts = group_name(c.topology, names);
  names.push_back(service.name);
  c.add("firewall-changed", Severity::error, names, service.mark,
        fmt::format("service '{}' runs {}: the firewall of {} is no longer the one that 'flows' "
                    "describes",
                    service.name, program, hosts),
        "take it out, and allow what is needed by an entry of 'flows'");
}

bool is_observer(const spec::Topology& topology, const std::string& host) {
  const spec::Host* found = topology.find_host(host);
  return found != nullptr && found->observer;
}

std::string port_list(const spec::Flow& flow) {
  return fmt::format("{}/{}", fmt::join(flow.ports, ","),
                     flow.protocol == spec::Protocol::udp ? "udp" : "tcp");
}

bool has_ports(const spec::Flow& flow) {
  return flow.protocol == spec::Protocol::tcp || flow.protocol == spec::Protocol::udp;
}

// A client meets the first tier of the path and no other.
void check_reach(StructureCase& c, const spec::Flow& flow) {
  std::vector<std::string> clients;
  for (const std::string& host : flow.from)
    if (is_observer(c.topology, host)) clients.push_back(host);
  if (clients.empty() || !flow.to_vip.empty() || !has_ports(flow)) return;
  std::vector<std::string> inner;
  for (const std::string& host : flow.to) {
    const spec::Tier* tier = c.topology.tier_of(host);
    const bool entry = !c.path.empty() && tier == c.path.front().tier;
    if (tier != nullptr && !entry) inner.push_back(host);
  }
  if (inner.empty()) return;
  const bool last =
      !c.path.empty() && c.path.size() > 1 && contains(c.path.back().tier->hosts, inner.front());
  c.add("inner-host-reachable", Severity::error, inner, flow.mark,
        fmt::format("{} may reach {} at {}{}", listed(clients), group_name(c.topology, inner),
                    port_list(flow), last ? ", where the data is" : ""),
        "let clients reach the VIP or the first tier only");
}

void check_open(StructureCase& c, const spec::Flow& flow) {
  if (!has_ports(flow) || flow.from.size() < c.topology.hosts.size()) return;
  c.add("open-to-all", Severity::warning, flow.to, flow.mark,
        fmt::format("every host may reach {} at {}", group_name(c.topology, flow.to),
                    port_list(flow)),
        "name who needs it under 'from'");
}

void check_used(StructureCase& c, const spec::Flow& flow) {
  if (!has_ports(flow)) return;
  const char* protocol = flow.protocol == spec::Protocol::udp ? "udp" : "tcp";
  for (const int port : flow.ports) {
    std::vector<std::string> silent;
    for (const std::string& host : flow.to)
      if (spec::listener(c.topology, host, fmt::format("{}/{}", port, protocol)) == nullptr)
        silent.push_back(host);
    if (silent.empty()) continue;
    c.add("unused-flow", Severity::warning, silent, flow.mark,
          fmt::format("{}/{} is open on {}, where no service listens on it", port, protocol,
                      group_name(c.topology, silent)),
          "take these hosts out of the flow, or add the port to 'listens' of the service");
  }
}

}  // namespace

void check_firewalls(StructureCase& c) {
  for (const spec::Service& service : c.topology.services) check_service(c, service);
  for (const spec::Flow& flow : c.topology.flows) check_reach(c, flow);
  for (const spec::Flow& flow : c.topology.flows) check_open(c, flow);
  std::vector<std::string> not_ours;
  spec::Mark mark;
  for (const spec::Host& host : c.topology.hosts) {
    if (host.observer || host.transport == spec::TransportKind::lab) continue;
    if (not_ours.empty()) mark = host.mark;
    not_ours.push_back(host.name);
  }
  if (not_ours.empty()) return;
  c.add("firewall-not-ours", Severity::note, not_ours, mark,
        fmt::format("nospof makes no firewall on {}: 'flows' says what should hold there",
                    listed(not_ours)),
        "`nospof prove --observe` looks whether it does");
}

void check_flows(StructureCase& c) {
  for (const spec::Flow& flow : c.topology.flows) check_used(c, flow);
}

}  // namespace nospof::analysis
