#pragma once
// A small topology made by hand: two balancers with a VIP, a web server, an observer.

#include "spec/topology.hpp"

namespace nospof::test {

inline spec::Host sample_host(const std::string& name, const std::string& address,
                              std::vector<std::string> services) {
  spec::Host host;
  host.name = name;
  host.address = address;
  host.zone = "a";
  host.services = std::move(services);
  return host;
}

inline spec::Flow sample_flow(std::vector<std::string> from, std::vector<std::string> to,
                              spec::Protocol protocol, std::vector<int> ports, int line) {
  spec::Flow flow;
  flow.from = std::move(from);
  flow.to = std::move(to);
  flow.protocol = protocol;
  flow.ports = std::move(ports);
  flow.mark.line = line;
  return flow;
}

inline spec::Service sample_service(const std::string& name, std::vector<std::string> command) {
  spec::Service service;
  service.name = name;
  service.command = std::move(command);
  service.mark.line = 50;
  return service;
}

/// Flows: client -> www (VIP) 443, lb <-> lb vrrp, lb -> web 443, client -> web icmp, client -> lb
/// 9100.
inline spec::Topology sample_topology() {
  spec::Topology topology;
  topology.name = "sample";
  topology.file = "sample/topology.yaml";
  topology.folder = "sample";
  topology.subnet = "198.18.0.0/24";
  topology.domain = "nospof.test";
  topology.hosts = {sample_host("lb1", "198.18.0.11", {"balancer"}),
                    sample_host("lb2", "198.18.0.12", {"balancer"}),
                    sample_host("web1", "198.18.0.21", {"web"}),
                    sample_host("client", "198.18.0.101", {})};
  topology.hosts.back().observer = true;
  topology.tiers = {{"lb", {"lb1", "lb2"}, 1, {}}, {"web", {"web1"}, 1, {}}};
  topology.vips = {{"www", "198.18.0.10", "www.nospof.test", {"lb1", "lb2"}, {}}};
  topology.authorities = {{"stack", std::chrono::hours(24), {}}};
  topology.secrets = {"db_password"};
  topology.variables = {{"advert", "0.1"}};
  topology.services = {sample_service("balancer", {"sleep", "1000"}),
                       sample_service("web", {"sleep", "1000"})};
  topology.services[1].tls = spec::ServiceTls{"www.nospof.test", "stack", {}, "root"};
  topology.flows = {
      sample_flow({"client"}, {"lb1", "lb2"}, spec::Protocol::tcp, {443}, 101),
      sample_flow({"lb1", "lb2"}, {"lb1", "lb2"}, spec::Protocol::vrrp, {}, 102),
      sample_flow({"lb1", "lb2"}, {"web1"}, spec::Protocol::tcp, {443, 8443}, 103),
      sample_flow({"client"}, {"web1"}, spec::Protocol::icmp, {}, 104),
      sample_flow({"client"}, {"lb1", "lb2"}, spec::Protocol::tcp, {9100}, 105),
  };
  topology.flows[0].to_vip = "www";
  return topology;
}

}  // namespace nospof::test
