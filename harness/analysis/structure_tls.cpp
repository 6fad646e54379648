// TLS hops, certificates and who signs them.

#include <map>
#include <set>

#include "analysis/structure_parts.hpp"
#include "spec/listener.hpp"

namespace nospof::analysis {

namespace {

// Whether some hop of the topology says that TLS ends there: at the host, or behind the VIP that a
// flow leads to.
bool covered(const spec::Topology& topology, const spec::Flow& flow, const std::string& to,
             int port) {
  return std::ranges::any_of(topology.tls_hops, [&](const spec::TlsHop& hop) {
    if (!flow.to_vip.empty()) {
      const spec::Tier* tier = topology.find_tier(hop.via);
      return hop.via == flow.to_vip || (tier != nullptr && contains(tier->hosts, to));
    }
    return hop.port == port && contains(hop.to, to);
  });
}

bool speaks_tls(const spec::Topology& topology, const std::string& host, int port) {
  const spec::Service* service = spec::listener(topology, host, fmt::format("{}/tcp", port));
  return service != nullptr && service->tls.has_value();
}

// Whether users' requests go that way: from a client or a tier they pass, to where the next one is
// asked.
bool carries_users(const StructureCase& c, const spec::Flow& flow, const std::string& to,
                   int port) {
  const spec::Tier* target = c.topology.tier_of(to);
  const PathTier* entry = target == nullptr ? nullptr : find_tier(c.path, target->name);
  if (entry == nullptr || !entry->reached.contains(fmt::format("{}/tcp", port))) return false;
  return std::ranges::any_of(flow.from, [&](const std::string& from) {
    const spec::Tier* tier = c.topology.tier_of(from);
    return tier == nullptr || (tier != target && c.on_path(tier->name));
  });
}

struct Uncovered {
  std::vector<std::string> hosts;
  Severity severity = Severity::note;
};

Uncovered look(const StructureCase& c, const spec::Flow& flow, int port) {
  Uncovered found;
  for (const std::string& to : flow.to) {
    if (flow.protocol == spec::Protocol::tcp && covered(c.topology, flow, to, port)) continue;
    found.hosts.push_back(to);
    if (flow.protocol == spec::Protocol::udp) continue;
    const Severity severity = carries_users(c, flow, to, port)   ? Severity::error
                              : speaks_tls(c.topology, to, port) ? Severity::note
                                                                 : Severity::warning;
    found.severity = std::max(found.severity, severity);
  }
  return found;
}

std::string explain(const StructureCase& c, const spec::Flow& flow, int port,
                    const Uncovered& found) {
  const std::string way = fmt::format("{} -> {} at {}/{}", group_name(c.topology, flow.from),
                                      group_name(c.topology, found.hosts), port,
                                      flow.protocol == spec::Protocol::udp ? "udp" : "tcp");
  if (flow.protocol == spec::Protocol::udp)
    return way + ": udp, no TLS hop; what protects it is not known here";
  switch (found.severity) {
    case Severity::error:
      return way + ": users' requests go there, and no TLS hop covers it";
    case Severity::warning:
      return way + ": no TLS hop covers it, and the service there has no certificate";
    case Severity::note:
      return way + ": the service there has a certificate, but no TLS hop says what must hold";
  }
  return way;
}

void check_hops(StructureCase& c) {
  for (const spec::Flow& flow : c.topology.flows) {
    if (flow.protocol != spec::Protocol::tcp && flow.protocol != spec::Protocol::udp) continue;
    for (const int port : flow.ports) {
      const Uncovered found = look(c, flow, port);
      if (found.hosts.empty()) continue;
      c.add(
          "hop-without-tls", found.severity, found.hosts, flow.mark, explain(c, flow, port, found),
          found.severity == Severity::error ? "let the service speak TLS, and add the hop to 'tls'"
                                            : "");
    }
  }
}

std::vector<std::string> passing_hosts(const spec::Topology& topology, const spec::TlsHop& hop) {
  if (const spec::Vip* vip = topology.find_vip(hop.via)) return vip->owners;
  if (const spec::Tier* tier = topology.find_tier(hop.via)) return tier->hosts;
  return {};
}

// Who shows the identity of a hop can end it: to pass it through needs no certificate.
void check_passing(StructureCase& c, const spec::TlsHop& hop) {
  std::map<const spec::Service*, std::vector<std::string>> enders;
  for (const std::string& name : passing_hosts(c.topology, hop)) {
    const spec::Host* host = c.topology.find_host(name);
    if (host == nullptr || contains(hop.to, name)) continue;
    for (const std::string& service_name : host->services) {
      const spec::Service* service = c.topology.find_service(service_name);
      if (service == nullptr || !service->tls) continue;
      if (service->tls->identity == hop.identity || contains(service->tls->names, hop.identity))
        enders[service].push_back(name);
    }
  }
  for (const auto& [service, hosts] : enders) {
    std::vector<std::string> names = hosts;
    names.push_back(service->name);
    c.add("tls-ends-too-early", Severity::error, names, service->mark,
          fmt::format("TLS hop '{}' ends at {}, but '{}' on {}, which should pass it through, has "
                      "a certificate for {}",
                      hop.name, group_name(c.topology, hop.to), service->name, listed(hosts),
                      hop.identity),
          fmt::format("take {} out of the certificate of '{}', or say that the hop ends there",
                      hop.identity, service->name));
  }
}

void check_identities(StructureCase& c) {
  std::map<std::string, std::vector<std::string>> services;
  for (const spec::Service& service : c.topology.services)
    if (service.tls) services[service.tls->identity].push_back(service.name);
  for (const auto& [identity, names] : services)
    if (names.size() > 1)
      c.add("one-certificate", Severity::warning, names,
            c.topology.find_service(names.front())->mark,
            fmt::format("services {} all show the identity {}: one stolen key is enough to be any "
                        "of them",
                        listed(names), identity),
            "give each service an identity of its own");
}

void check_authorities(StructureCase& c) {
  std::set<std::string> signing;
  std::vector<std::string> services;
  for (const spec::Service& service : c.topology.services)
    if (service.tls) {
      signing.insert(service.tls->authority);
      services.push_back(service.name);
    }
  if (signing.size() != 1 || services.size() < 2) return;
  const bool declared = std::ranges::any_of(
      c.topology.shared, [](const auto& shared) { return shared.kind == "certificate-authority"; });
  const auto found =
      std::ranges::find(c.topology.authorities, *signing.begin(), &spec::Authority::name);
  c.add("one-authority", declared ? Severity::note : Severity::warning, {*signing.begin()},
        found == c.topology.authorities.end() ? spec::Mark{} : found->mark,
        fmt::format("authority '{}' signs for all {} services: when it expires or is lost, all of "
                    "them are",
                    *signing.begin(), services.size()),
        declared ? "" : "say so under 'shared' (kind: certificate-authority), or use several");
}

}  // namespace

void check_tls(StructureCase& c) {
  check_hops(c);
  for (const spec::TlsHop& hop : c.topology.tls_hops) check_passing(c, hop);
  check_identities(c);
  check_authorities(c);
}

}  // namespace nospof::analysis
