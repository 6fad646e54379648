// Tiers, VIPs, zones and machines.

#include <map>

#include "analysis/structure_parts.hpp"

namespace nospof::analysis {

namespace {

Severity of_tier(const StructureCase& c, const std::string& tier) {
  return c.on_path(tier) ? Severity::error : Severity::warning;
}

std::string losing(const StructureCase& c, const spec::Tier& tier) {
  return c.on_path(tier.name) ? "losing any of them stops users" : "users do not pass it";
}

void check_zone(StructureCase& c, const spec::Tier& tier, const std::string& zone,
                const std::vector<std::string>& there) {
  const int left = static_cast<int>(tier.hosts.size() - there.size());
  if (left < tier.needs) {
    std::vector<std::string> names = there;
    names.push_back(zone);
    c.add("zone-takes-tier-down", of_tier(c, tier.name), names, tier.mark,
          fmt::format("losing zone '{}' leaves tier '{}' {} of the {} hosts it needs ({} {} there)",
                      zone, tier.name, left, tier.needs, listed(there),
                      there.size() == 1 ? "is" : "are"),
          fmt::format("move hosts of tier '{}' to further zones", tier.name));
  } else if (there.size() > 1) {
    c.add("zone-shared", Severity::note, there, tier.mark,
          fmt::format("{} of tier '{}' share zone '{}'; the tier survives its loss", listed(there),
                      tier.name, zone),
          "");
  }
}

// "admin@lb1.example.org:22" -> "lb1.example.org"
std::string machine_of(const spec::Host& host) {
  if (host.transport != spec::TransportKind::ssh) return {};
  std::string name = host.ssh_destination;
  if (name.starts_with("ssh://")) name.erase(0, 6);
  if (const std::size_t at = name.find('@'); at != std::string::npos) name.erase(0, at + 1);
  return name.substr(0, name.find(':'));
}

}  // namespace

void check_redundancy(StructureCase& c) {
  for (const spec::Tier& tier : c.topology.tiers) {
    if (tier.needs < static_cast<int>(tier.hosts.size())) continue;
    c.add("tier-without-redundancy", of_tier(c, tier.name), tier.hosts, tier.mark,
          fmt::format("tier '{}' needs {} of its {} host{} ({}): {}", tier.name, tier.needs,
                      tier.hosts.size(), tier.hosts.size() == 1 ? "" : "s", listed(tier.hosts),
                      losing(c, tier)),
          fmt::format("add a host to tier '{}', in a zone of its own", tier.name));
  }
  for (const spec::Tier& tier : c.topology.tiers) {
    if (tier.acknowledged_by != 1 || tier.hosts.size() < 2) continue;
    c.add("acknowledged-too-early", of_tier(c, tier.name), tier.hosts, tier.mark,
          fmt::format("tier '{}' acknowledges a write that one of its {} hosts has: with that host "
                      "acknowledged writes are lost",
                      tier.name, tier.hosts.size()),
          "replicate synchronously: acknowledge what two hosts have");
  }
  for (const spec::Vip& vip : c.topology.vips) {
    if (vip.owners.size() != 1) continue;
    const spec::Tier* tier = c.topology.tier_of(vip.owners.front());
    c.add("vip-with-one-owner", tier != nullptr ? of_tier(c, tier->name) : Severity::warning,
          vip.owners, vip.mark,
          fmt::format("VIP '{}' has nowhere to move: {} is its only owner", vip.name,
                      vip.owners.front()),
          fmt::format("give VIP '{}' a second owner", vip.name));
  }
}

void check_places(StructureCase& c) {
  for (const spec::Tier& tier : c.topology.tiers) {
    std::map<std::string, std::vector<std::string>> zones;
    std::map<std::string, std::vector<std::string>> machines;
    for (const std::string& name : tier.hosts)
      if (const spec::Host* host = c.topology.find_host(name)) {
        zones[host->zone].push_back(name);
        machines[machine_of(*host)].push_back(name);
      }
    for (const auto& [machine, there] : machines)
      if (!machine.empty() && there.size() > 1)
        c.add("same-machine", of_tier(c, tier.name), there, c.topology.find_host(there[0])->mark,
              fmt::format("{} of tier '{}' are one machine: {}", listed(there), tier.name, machine),
              "give each host of a tier a machine of its own");
    if (tier.needs >= static_cast<int>(tier.hosts.size())) continue;  // said already
    for (const auto& [zone, there] : zones) {
      if (!zone.empty())
        check_zone(c, tier, zone, there);
      else
        c.add("zone-unknown", c.topology.zones.empty() ? Severity::note : Severity::warning, there,
              tier.mark,
              fmt::format("{} of tier '{}' {} in no zone: what {} with the others is unknown",
                          listed(there), tier.name, there.size() == 1 ? "is" : "are",
                          there.size() == 1 ? "it shares" : "they share"),
              "name racks, rooms or sites under 'zones', and say 'zone:' of each host");
    }
  }
}

}  // namespace nospof::analysis
