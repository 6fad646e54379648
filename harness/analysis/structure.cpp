#include "analysis/structure.hpp"

#include "analysis/structure_parts.hpp"

namespace nospof::analysis {

const char* severity_name(Severity severity) {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "note";
}

const std::vector<StructureCheck>& structure_checks() {
  static const std::vector<StructureCheck> checks = {
      {"tier-without-redundancy", "A tier that needs every one of its hosts."},
      {"acknowledged-too-early", "A write is acknowledged when a single host has it."},
      {"vip-with-one-owner", "A floating address that only one host may hold."},
      {"zone-takes-tier-down", "Losing one zone leaves fewer hosts than a tier needs."},
      {"zone-shared", "Hosts of one tier share a zone, and the tier survives its loss."},
      {"zone-unknown",
       "Hosts of a redundant tier are in no zone, so nobody knows what they share."},
      {"same-machine", "Two hosts of one tier are the same machine."},
      {"firewall-changed",
       "A service changes its host's firewall, so the flows are not all of it."},
      {"inner-host-reachable", "A client may reach a host that only the stack itself should."},
      {"open-to-all", "Every host may reach a port."},
      {"firewall-not-ours", "The host's firewall is not made from the flows by nospof."},
      {"unused-flow", "An allowed flow that nothing uses: no service listens there."},
      {"hop-without-tls", "An allowed connection that no TLS hop covers."},
      {"tls-ends-too-early", "What should only pass TLS through has a certificate to end it."},
      {"one-certificate", "Several services show the same identity."},
      {"one-authority", "One certificate authority vouches for everything."},
      {"host-unmonitored", "A host about which the monitoring learns nothing."},
      {"monitoring-missing", "The topology tells of no monitoring."},
      {"monitoring-alone", "The monitoring has no redundancy of its own."},
      {"shared-cause", "A shared dependency that the proof takes for granted."},
      {"shared-cause-undeclared", "A shared dependency that the topology does not speak of."},
  };
  return checks;
}

namespace {

std::size_t rank(const std::string& id) {
  const auto& checks = structure_checks();
  return static_cast<std::size_t>(
      std::distance(checks.begin(), std::ranges::find(checks, id, &StructureCheck::id)));
}

}  // namespace

std::string group_name(const spec::Topology& topology, const std::vector<std::string>& hosts) {
  for (const spec::Tier& tier : topology.tiers)
    if (std::ranges::is_permutation(tier.hosts, hosts)) return fmt::format("tier '{}'", tier.name);
  return fmt::format("{} {}", hosts.size() == 1 ? "host" : "hosts", listed(hosts));
}

std::vector<StructureFinding> check_structure(const spec::Topology& topology) {
  StructureCase c{topology, user_path(topology)};
  check_redundancy(c);
  check_places(c);
  check_firewalls(c);
  check_flows(c);
  check_tls(c);
  check_monitoring(c);
  check_shared(c);
  std::ranges::stable_sort(c.findings, [](const auto& a, const auto& b) {
    return a.severity != b.severity ? a.severity > b.severity : rank(a.id) < rank(b.id);
  });
  return std::move(c.findings);
}

bool has_errors(const std::vector<StructureFinding>& findings) {
  return std::ranges::any_of(
      findings, [](const auto& finding) { return finding.severity == Severity::error; });
}

std::string structure_text(const spec::Topology& topology,
                           const std::vector<StructureFinding>& findings) {
  std::string text;
  for (const StructureFinding& finding : findings) {
    const std::string line = finding.mark.line > 0 ? fmt::format(":{}", finding.mark.line) : "";
    text += fmt::format("{}: {}{}: {} [{}]\n", severity_name(finding.severity), topology.file, line,
                        finding.what, finding.id);
    if (!finding.remedy.empty()) text += fmt::format("    {}\n", finding.remedy);
  }
  return text;
}

}  // namespace nospof::analysis
