// Which probes look at a topology, and at what.

#include <algorithm>
#include <set>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "control/campaign.hpp"
#include "control/connection_plan.hpp"
#include "control/observers.hpp"
#include "spec/listener.hpp"

namespace nospof::control {

namespace {

/// Besides the ports that the stack listens on: what an intruder would try first.
constexpr std::array usual_ports{22, 25, 80, 111, 2379, 3389, 5432, 6379, 8080, 11211};

/// A round is thousands of connections and dozens of handshakes between all hosts. They are as far
/// apart as a fault is held for, within these limits: while one is held for less, perhaps none
/// comes.
constexpr std::chrono::nanoseconds matrix_every_least = std::chrono::seconds(1);
constexpr std::chrono::nanoseconds matrix_every_most = std::chrono::seconds(3);

/// Of each session of the ledger: each operation goes through the whole stack, which costs about
/// 10 ms of CPU where all hosts share one machine.
constexpr std::chrono::milliseconds operation_every{500};
/// So that every cell sees a few of them after its fault is healed.
constexpr std::chrono::milliseconds audit_every{1000};

bool contains(const auto& list, const auto& wanted) {
  return std::ranges::find(list, wanted) != std::ranges::end(list);
}

std::string tcp(int port) {
  return fmt::format("{}/tcp", port);
}

class Plan {
 public:
  Plan(const spec::Topology& topology, const Deployment& deployment)
      : topology_(topology), deployment_(deployment) {}

  std::vector<Observer> make() {
    const json::object pace{
        {"every_ns", std::clamp<std::chrono::nanoseconds>(topology_.prove.hold, matrix_every_least,
                                                          matrix_every_most)
                         .count()}};
    for (const spec::Host& host : topology_.hosts) {
      if (!host.observer) {
        add(host, "plaintext-canary", {{"marker", deployment_.marker}});
        add(host, "connections", connections_config(topology_, host));
      }
      add_targets(host, "firewall", firewall_targets(host), pace);
      add_targets(host, "tls-path", tls_targets(host), pace);
      add_vips(host);
    }
    add_monitoring();
    add_ledger();
    return std::move(observers_);
  }

 private:
  void add(const spec::Host& host, const std::string& kind, json::object config,
           const std::string& name = {}) {
    observers_.push_back({host.name, {name.empty() ? kind : name, kind, std::move(config)}});
  }
  void add_targets(const spec::Host& host, const std::string& kind, json::array targets,
                   json::object config) {
    if (targets.empty()) return;
    config["from"] = host.name;
    config["targets"] = std::move(targets);
    add(host, kind, std::move(config));
  }

  // ----- firewall -----

  std::set<int> all_ports() const {
    std::set<int> ports(usual_ports.begin(), usual_ports.end());
    for (const spec::Service& service : topology_.services)
      for (const std::string& listens : service.listens)
        if (listens.ends_with("/tcp")) ports.insert(std::stoi(listens));
    return ports;
  }
  bool is_allowed(const std::string& from, const std::string& to, const std::string& vip,
                  int port) const {
    return std::ranges::any_of(topology_.flows, [&](const spec::Flow& flow) {
      return flow.protocol == spec::Protocol::tcp && contains(flow.from, from) &&
             flow.to_vip == vip && (!vip.empty() || contains(flow.to, to)) &&
             contains(flow.ports, port);
    });
  }
  json::array firewall_targets(const spec::Host& from) const {
    json::array targets;
    const auto add_target = [&](const std::string& to, const std::string& address, int port,
                                bool allowed, bool listening) {
      targets.push_back({{"to", to},
                         {"address", address},
                         {"port", port},
                         {"allowed", allowed},
                         {"listening", listening}});
    };
    for (const int port : all_ports()) {
      for (const spec::Host& to : topology_.hosts)
        if (to.name != from.name && !to.observer)
          add_target(to.name, to.address, port, is_allowed(from.name, to.name, {}, port),
                     listens(to.name, port));
      for (const spec::Vip& vip : topology_.vips)
        if (!contains(vip.owners, from.name))
          add_target(vip.name, vip.address, port, is_allowed(from.name, {}, vip.name, port),
                     listens_somewhere(vip, port));
    }
    return targets;
  }
  bool listens(const std::string& host, int port) const {
    return spec::listener(topology_, host, tcp(port)) != nullptr;
  }
  bool listens_somewhere(const spec::Vip& vip, int port) const {
    return std::ranges::any_of(vip.owners,
                               [&](const std::string& owner) { return listens(owner, port); });
  }

  // ----- TLS -----

  json::array tls_targets(const spec::Host& from) const {
    json::array targets;
    for (const spec::TlsHop& hop : topology_.tls_hops) {
      const spec::Vip* vip = topology_.find_vip(hop.via);
      const spec::Tier* tier = topology_.find_tier(hop.via);
      if (contains(hop.from, from.name)) {
        if (vip != nullptr) {
          targets.push_back(tls_target(hop, from, vip->name, vip->address, hop.to));
        } else if (tier != nullptr) {
          for (const std::string& name : tier->hosts) add_passing(targets, hop, from, name);
        } else {
          for (const std::string& name : hop.to) add_direct(targets, hop, from, name);
        }
      } else if (passes_through(from.name, vip, tier)) {
        // Who passes it on sees each of those that end it directly.
        for (const std::string& name : hop.to) add_direct(targets, hop, from, name);
      }
    }
    return targets;
  }
  static bool passes_through(const std::string& host, const spec::Vip* vip,
                             const spec::Tier* tier) {
    return (vip != nullptr && contains(vip->owners, host)) ||
           (tier != nullptr && contains(tier->hosts, host));
  }
  void add_direct(json::array& targets, const spec::TlsHop& hop, const spec::Host& from,
                  const std::string& to) const {
    if (to == from.name || !is_allowed(from.name, to, {}, hop.port)) return;
    targets.push_back(tls_target(hop, from, to, topology_.find_host(to)->address, {to}));
  }
  void add_passing(json::array& targets, const spec::TlsHop& hop, const spec::Host& from,
                   const std::string& by) const {
    if (by == from.name || !is_allowed(from.name, by, {}, hop.port)) return;
    targets.push_back(tls_target(hop, from, by, topology_.find_host(by)->address, hop.to));
  }
  json::object tls_target(const spec::TlsHop& hop, const spec::Host& from, const std::string& via,
                          const std::string& address, const std::vector<std::string>& ends) const {
    json::object target{{"name", hop.name},
                        {"via_text", via},
                        {"address", address},
                        {"port", hop.port},
                        {"identity", hop.identity},
                        {"authority_file", deployment_.authority_file(hop.authority)},
                        {"client_certificate", hop.client_certificate}};
    bool starts_plain = false;
    json::array keys;
    for (const std::string& end : ends) {
      const spec::Service* service = spec::listener(topology_, end, tcp(hop.port));
      if (service == nullptr) continue;
      keys.emplace_back(deployment_.certificate(end, service->name).public_key);
      const spec::StartTls starttls = spec::starttls_at(*service, hop.port);
      target["starttls"] = starttls_name(starttls);
      starts_plain = starttls != spec::StartTls::none;
    }
    target["expect_keys"] = std::move(keys);
    target["ask_http"] = hop.http && !starts_plain;
    if (const spec::Service* own = with_certificate(from, hop.authority)) {
      const DeployedCertificate certificate = deployment_.certificate(from.name, own->name);
      target["certificate_file"] = certificate.certificate_file;
      target["key_file"] = certificate.key_file;
    }
    return target;
  }
  const spec::Service* with_certificate(const spec::Host& host,
                                        const std::string& authority) const {
    for (const std::string& name : host.services) {
      const spec::Service* service = topology_.find_service(name);
      if (service != nullptr && service->tls && service->tls->authority == authority)
        return service;
    }
    return nullptr;
  }

  // ----- the rest -----

  void add_vips(const spec::Host& host) {
    for (const spec::Vip& vip : topology_.vips) {
      if (contains(vip.owners, host.name))
        add(host, "vip", {{"address", vip.address}, {"view", "own"}}, "vip-own-" + vip.name);
      if (host.observer)
        add(host, "vip", {{"address", vip.address}, {"view", "link"}}, "vip-link-" + vip.name);
    }
  }
  // Each server is asked on its own host: whether anybody else may reach it is another question.
  void add_monitoring() {
    if (!topology_.monitoring) return;
    const spec::Monitoring& monitoring = *topology_.monitoring;
    json::array watched;
    for (const spec::Host& host : topology_.hosts)
      if (!host.observer) watched.emplace_back(host.name);
    for (const std::string& name : monitoring.on) {
      const spec::Host& host = *topology_.find_host(name);
      const spec::Service* server = spec::listener(topology_, name, tcp(monitoring.port));
      const std::string identity = server->tls ? server->tls->identity : host.address;
      add(host, "monitoring",
          {{"url", fmt::format("https://{}:{}", identity, monitoring.port)},
           {"address", host.address},
           {"authority_file", deployment_.authority_file(monitoring.authority)},
           {"expect_hosts", watched},
           {"host_label", monitoring.host_label},
           {"hosts_query", monitoring.hosts_query}});
    }
  }

  void add_ledger() {
    const spec::Workload& workload = topology_.workload;
    if (workload.audit_url.empty()) return;
    json::object config{{"write_url", workload.url},
                        {"read_url", workload.audit_url},
                        {"authority_file", deployment_.authority_file(workload.authority)},
                        {"expect_status", workload.expect_status},
                        {"marker", deployment_.marker},
                        {"timeout_ns", workload.timeout.count()},
                        {"every_ns", Nanoseconds(operation_every).count()},
                        {"audit_every_ns", Nanoseconds(audit_every).count()}};
    if (const spec::Vip* vip = topology_.find_vip(workload.vip)) config["address"] = vip->address;
    add(*topology_.find_host(workload.from), "ledger", std::move(config));
    observers_.back().after_healing = true;
  }

  const spec::Topology& topology_;
  const Deployment& deployment_;
  std::vector<Observer> observers_;
};

}  // namespace

std::vector<Observer> observers_of(const spec::Topology& topology, const Deployment& deployment) {
  return Plan(topology, deployment).make();
}

}  // namespace nospof::control
