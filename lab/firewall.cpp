#include "lab/firewall.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "system/check.hpp"

namespace nospof::lab {

namespace {

constexpr const char* vrrp_group = "224.0.0.18";

bool contains(const std::vector<std::string>& list, const std::string& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

// "198.18.0.11" or "{ 198.18.0.11, 198.18.0.12 }"
template <typename T>
std::string one_or_set(const std::vector<T>& values) {
  return values.size() == 1 ? fmt::format("{}", values.front())
                            : fmt::format("{{ {} }}", fmt::join(values, ", "));
}

class RulesetWriter {
 public:
  RulesetWriter(const spec::Topology& topology, const spec::Host& host)
      : topology_(topology), host_(host) {
    for (const auto& entry : topology.hosts) addresses_[entry.name] = entry.address;
  }

  std::string text() const {
    std::string input;
    std::string output;
    for (const auto& flow : topology_.flows) {
      if (contains(flow.to, host_.name)) input += input_rules(flow);
      if (contains(flow.from, host_.name)) output += output_rules(flow);
    }
    // It asks for what others should refuse: its own firewall must not answer for theirs.
    if (host_.observer) output += "    meta nfproto ipv4 accept comment \"it observes\"\n";
    return fmt::format(R"(# Firewall of {host}, from the flows of topology {name}.
# Declared empty, deleted and made again: one transaction, whether it was there or not.
table inet {table} {{}}
delete table inet {table}
table inet {table} {{
  chain input {{
    type filter hook input priority filter; policy drop;
    iif "lo" accept
    meta nfproto ipv6 counter drop comment "no flow is IPv6"
    ct state established,related accept
    ct state invalid counter drop
{input}    counter comment "no flow allows it"
  }}
  chain output {{
    type filter hook output priority filter; policy drop;
    oif "lo" accept
    meta nfproto ipv6 counter drop comment "no flow is IPv6"
    ct state established,related accept
    ct state invalid counter drop
{output}    counter comment "no flow allows it"
  }}
  chain forward {{
    type filter hook forward priority filter; policy drop;
    counter comment "hosts do not forward"
  }}
}}
)",
                       fmt::arg("host", host_.name), fmt::arg("name", topology_.name),
                       fmt::arg("table", firewall_table), fmt::arg("input", input),
                       fmt::arg("output", output));
  }

 private:
  // Addresses of the other hosts in a list: what a host sends to itself goes over lo.
  std::vector<std::string> addresses_of_others(const std::vector<std::string>& hosts) const {
    std::vector<std::string> result;
    for (const auto& name : hosts)
      if (name != host_.name && !contains(result, addresses_.at(name)))
        result.push_back(addresses_.at(name));
    return result;
  }

  static std::string rule(const spec::Flow& flow, const std::string& match) {
    return fmt::format("    {} accept comment \"flow of line {}\"\n", match, flow.mark.line);
  }

  static std::string service_match(const spec::Flow& flow) {
    switch (flow.protocol) {
      case spec::Protocol::tcp:
        return "tcp dport " + one_or_set(flow.ports);
      case spec::Protocol::udp:
        return "udp dport " + one_or_set(flow.ports);
      case spec::Protocol::icmp:
        return "icmp type echo-request";
      case spec::Protocol::vrrp:
        return "ip protocol 112";
    }
    throw Error("flow with an unknown protocol");
  }

  std::string vip_address(const spec::Flow& flow) const {
    const spec::Vip* vip = topology_.find_vip(flow.to_vip);
    if (vip == nullptr) throw Error(fmt::format("flow to '{}': there is no such VIP", flow.to_vip));
    return vip->address;
  }

  std::string input_rules(const spec::Flow& flow) const {
    const auto sources = addresses_of_others(flow.from);
    if (sources.empty()) return {};
    std::string match = "ip saddr " + one_or_set(sources);
    if (!flow.to_vip.empty())
      match += " ip daddr " + vip_address(flow);
    else if (flow.protocol == spec::Protocol::vrrp)
      match += fmt::format(" ip daddr {{ {}, {} }}", host_.address, vrrp_group);
    else
      match += " ip daddr " + host_.address;
    return rule(flow, match + " " + service_match(flow));
  }

  std::string output_rules(const spec::Flow& flow) const {
    std::vector<std::string> targets;
    if (!flow.to_vip.empty())
      targets.push_back(vip_address(flow));
    else
      targets = addresses_of_others(flow.to);
    if (targets.empty()) return {};
    if (flow.protocol == spec::Protocol::vrrp) targets.push_back(vrrp_group);
    return rule(flow, fmt::format("ip daddr {} {}", one_or_set(targets), service_match(flow)));
  }

  const spec::Topology& topology_;
  const spec::Host& host_;
  std::map<std::string, std::string> addresses_;
};

}  // namespace

std::string firewall_ruleset(const spec::Topology& topology, const std::string& host) {
  const spec::Host* found = topology.find_host(host);
  if (found == nullptr) throw Error(fmt::format("firewall: there is no host '{}'", host));
  return RulesetWriter(topology, *found).text();
}

bool is_flow_allowed(const spec::Topology& topology, const std::string& from, const std::string& to,
                     spec::Protocol protocol, int port) {
  if (from == to) return true;
  const bool has_port = protocol == spec::Protocol::tcp || protocol == spec::Protocol::udp;
  return std::any_of(topology.flows.begin(), topology.flows.end(), [&](const spec::Flow& flow) {
    const bool target = flow.to_vip.empty() ? contains(flow.to, to) : flow.to_vip == to;
    return target && flow.protocol == protocol && contains(flow.from, from) &&
           (!has_port || std::find(flow.ports.begin(), flow.ports.end(), port) != flow.ports.end());
  });
}

}  // namespace nospof::lab
