// Monitoring, and what the hosts share without the hosts showing it.

#include "analysis/structure_parts.hpp"

namespace nospof::analysis {

namespace {

bool may_ask(const spec::Topology& topology, const std::string& host,
             const spec::Service& service) {
  if (contains(topology.monitoring->on, host)) return true;  // a host always reaches itself
  return std::ranges::any_of(topology.flows, [&](const spec::Flow& flow) {
    const bool from_monitoring = std::ranges::any_of(
        flow.from, [&](const auto& from) { return contains(topology.monitoring->on, from); });
    if (!from_monitoring || !contains(flow.to, host) || flow.protocol != spec::Protocol::tcp)
      return false;
    return std::ranges::any_of(flow.ports, [&](int port) {
      return contains(service.listens, fmt::format("{}/tcp", port));
    });
  });
}

std::vector<std::string> watched_by(const spec::Topology& topology, const spec::Service& service) {
  std::vector<std::string> hosts;
  for (const spec::Host& host : topology.hosts)
    if (!host.observer && contains(host.services, service.name) &&
        may_ask(topology, host.name, service))
      hosts.push_back(host.name);
  return hosts;
}

// The services that tell about their hosts: those that the topology names, else the one that the
// monitoring may ask on most hosts, else, if that is on fewer than half of them, each it may ask.
std::vector<const spec::Service*> exporters(const spec::Topology& topology) {
  std::vector<const spec::Service*> found;
  for (const std::string& name : topology.monitoring->exporters)
    if (const spec::Service* service = topology.find_service(name)) found.push_back(service);
  if (!found.empty()) return found;
  const spec::Service* best = nullptr;
  std::size_t most = 0;
  for (const spec::Service& service : topology.services) {
    const std::size_t hosts = watched_by(topology, service).size();
    if (hosts > 0) found.push_back(&service);
    if (hosts > most) {
      most = hosts;
      best = &service;
    }
  }
  const auto stack = static_cast<std::size_t>(
      std::ranges::count_if(topology.hosts, [](const spec::Host& host) { return !host.observer; }));
  return best != nullptr && 2 * most >= stack ? std::vector{best} : found;
}

void check_watched(StructureCase& c) {
  std::vector<std::string> watched;
  std::vector<std::string> names;
  for (const spec::Service* service : exporters(c.topology)) {
    names.push_back(service->name);
    for (const std::string& host : watched_by(c.topology, *service)) watched.push_back(host);
  }
  for (const spec::Host& host : c.topology.hosts) {
    if (host.observer || contains(watched, host.name)) continue;
    c.add("host-unmonitored", Severity::error, {host.name}, host.mark,
          fmt::format("the monitoring learns nothing about {}: no service there that it may ask "
                      "({})",
                      host.name, names.empty() ? "there is none anywhere" : listed(names)),
          names.size() == 1 ? fmt::format("run '{}' on {}, and allow the monitoring to reach it",
                                          names.front(), host.name)
                            : "run an exporter there, and allow the monitoring to reach it");
  }
}

bool declared(const spec::Topology& topology, const std::string& kind) {
  return std::ranges::any_of(topology.shared,
                             [&](const auto& shared) { return shared.kind == kind; });
}

void undeclared(StructureCase& c, const std::string& kind, Severity severity,
                std::vector<std::string> names, const std::string& what) {
  if (declared(c.topology, kind)) return;
  c.add("shared-cause-undeclared", severity, std::move(names), {}, what,
        fmt::format("say so under 'shared' (kind: {})", kind));
}

// Tiers whose hosts all run the same daemons: one bug is enough for all of them.
std::vector<std::string> uniform_tiers(const spec::Topology& topology) {
  std::vector<std::string> names;
  for (const spec::Tier& tier : topology.tiers) {
    if (tier.hosts.size() < 2) continue;
    const spec::Host* first = topology.find_host(tier.hosts.front());
    const bool shares =
        first != nullptr && std::ranges::any_of(first->services, [&](const auto& s) {
          return std::ranges::all_of(tier.hosts, [&](const std::string& host) {
            const spec::Host* other = topology.find_host(host);
            return other != nullptr && contains(other->services, s);
          });
        });
    if (shares) names.push_back(tier.name);
  }
  return names;
}

}  // namespace

void check_monitoring(StructureCase& c) {
  if (!c.topology.monitoring) {
    c.add("monitoring-missing", Severity::warning, {}, {},
          "the topology tells of no monitoring: nobody would notice that redundancy is gone",
          "add the section 'monitoring'");
    return;
  }
  check_watched(c);
  const auto& on = c.topology.monitoring->on;
  if (on.size() == 1)
    c.add("monitoring-alone", Severity::warning, on, c.topology.monitoring->mark,
          fmt::format("the only monitoring is on {}: while that is down, nobody sees anything",
                      on.front()),
          "run a second one, and let them watch each other");
}

void check_shared(StructureCase& c) {
  for (const spec::SharedDependency& shared : c.topology.shared) {
    if (shared.tested) continue;
    c.add(
        "shared-cause", Severity::note, {shared.name}, shared.mark,
        fmt::format("'{}' ({}) is shared by {} hosts and taken for granted: it is outside of what "
                    "a proof claims{}{}",
                    shared.name, shared.kind, shared.used_by.size(),
                    shared.note.empty() ? "" : "; ", shared.note),
        "");
  }
  undeclared(c, "network-segment", Severity::warning, {c.topology.subnet},
             fmt::format("all hosts are in one subnet ({}), so on one network segment",
                         c.topology.subnet));
  if (c.topology.zones.empty())
    undeclared(c, "power", Severity::warning, {}, "no zones: the hosts may share one power supply");
  std::vector<std::string> dns_names;
  for (const spec::Vip& vip : c.topology.vips) dns_names.push_back(vip.dns_name);
  if (!dns_names.empty())
    undeclared(c, "dns", Severity::note, dns_names,
               fmt::format("clients find {} by its name: DNS is not part of the stack under test",
                           listed(dns_names)));
  undeclared(c, "configuration", Severity::note, {},
             "every host is configured from this topology and its templates: one slip reaches all");
  if (const auto tiers = uniform_tiers(c.topology); !tiers.empty())
    undeclared(c, "software", Severity::note, tiers,
               fmt::format("the hosts of {} run the same daemons: one bug may hit all of a tier",
                           listed(tiers)));
}

}  // namespace nospof::analysis
