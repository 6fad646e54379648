#include "spec/topology_table.hpp"

#include <algorithm>

namespace nospof::spec {

namespace {

using namespace std::chrono_literals;

Format<Topology> network_format() {
  return object<Topology>({
      {
          required("subnet", &Topology::subnet, ipv4_subnet(),
                   "All addresses are in it; for a lab inside 198.18.0.0/15."),
          required("domain", &Topology::domain, dns_name(),
                   "Ending of the hosts' full names, such as nospof.test."),
      },
      nullptr,
  });
}

/// Hosts, tiers and VIPs may all stand where hosts are named, so no two may have the same name.
template <typename T>
bool check_own_name(Context& context, const Topology& topology, const T& item) {
  const auto taken = [&](const std::string& by, int line) {
    context.problem(item.mark, fmt::format("{}: the name is taken by the {} in line {}",
                                           context.subject, by, line));
    return false;
  };
  if (item.name == "all") {
    context.problem(item.mark, context.subject + ": the name 'all' is reserved for all hosts");
    return false;
  }
  if (const Host* host = topology.find_host(item.name)) return taken("host", host->mark.line);
  if (const Tier* tier = topology.find_tier(item.name)) return taken("tier", tier->mark.line);
  if (const Vip* vip = topology.find_vip(item.name)) return taken("VIP", vip->mark.line);
  return true;
}

void check_tier(Context& context, const Node& node, Tier& tier) {
  if (!check_own_name(context, *context.known, tier)) return;
  for (std::size_t i = 0; i < tier.hosts.size(); ++i) {
    const std::string& name = tier.hosts[i];
    const Node* hosts = node.find("hosts");
    const Mark mark = hosts == nullptr ? node.mark : hosts->mark_of(i);
    const Host* host = context.known->find_host(name);
    if (host != nullptr && host->observer) {
      context.problem(mark,
                      fmt::format("{}: host '{}' is an observer, which is no part of the stack",
                                  context.subject, name));
    }
    if (const Tier* other = context.known->tier_of(name)) {
      context.problem(mark, fmt::format("{}: host '{}' is in tier '{}' already", context.subject,
                                        name, other->name));
    }
  }
  const auto size = static_cast<int>(tier.hosts.size());
  if (tier.needs > size) {
    context.problem(
        node.mark_of("needs"),
        fmt::format("{}: expected 'needs' from 1 to {}, the number of its hosts, found {}",
                    context.subject, size, tier.needs));
  }
  if (tier.acknowledged_by > size) {
    context.problem(
        node.mark_of("acknowledged_by"),
        fmt::format(
            "{}: expected 'acknowledged_by' from 1 to {}, the number of its hosts, found {}",
            context.subject, size, tier.acknowledged_by));
  }
}

Format<std::vector<Tier>> tiers_format() {
  const Section<Tier> tier{
      {
          required("hosts", &Tier::hosts, distinct(host_name(), 1), "Names of its hosts."),
          optional("needs", &Tier::needs, integer(1, 1000), "1",
                   "The tier serves while at least this many of its hosts do."),
          optional("acknowledged_by", &Tier::acknowledged_by, integer(1, 1000), "",
                   "Of a database: so many hosts have a write before users are told that it was "
                   "made."),
      },
      check_tier,
  };
  return map_of("tier", label("tier name", 20), object(tier), 1);
}

void check_vip(Context& context, const Node& node, Vip& vip) {
  if (!check_own_name(context, *context.known, vip)) return;
  for (const Vip& other : context.known->vips) {
    if (other.dns_name == vip.dns_name) {
      context.problem(node.mark_of("dns_name"),
                      fmt::format("{}: '{}' is the name of VIP '{}' already", context.subject,
                                  vip.dns_name, other.name));
    }
  }
  for (const Host& host : context.known->hosts) {
    if (vip.dns_name == host.name || vip.dns_name == host.name + "." + context.known->domain) {
      context.problem(node.mark_of("dns_name"),
                      fmt::format("{}: '{}' is the name of host '{}' already", context.subject,
                                  vip.dns_name, host.name));
    }
  }
  for (const std::string& owner : vip.owners) {
    const Host* host = context.known->find_host(owner);
    if (host != nullptr && host->observer) {
      context.problem(node.mark_of("owners"),
                      fmt::format("{}: host '{}' is an observer and cannot hold a VIP",
                                  context.subject, owner));
    }
  }
}

Format<std::vector<Vip>> vips_format() {
  const Section<Vip> vip{
      {
          required("address", &Vip::address, ipv4_address(), "IPv4 address in the subnet."),
          required("dns_name", &Vip::dns_name, dns_name(), "What clients call it."),
          required("owners", &Vip::owners, host_names(), "Hosts that may hold it."),
      },
      check_vip,
  };
  return map_of("VIP", label("VIP name", 20), object(vip), 0);
}

Format<std::vector<Authority>> authorities_format() {
  const Section<Authority> authority{
      {optional("valid", &Authority::valid, duration(1h, 24h * 3650), "30d",
                "How long the certificates made for a lab are valid."),
       optional("intermediate", &Authority::intermediate, boolean(), "false",
                "Whether a lab signs with an intermediate certificate, which services then show.")},
      nullptr,
  };
  return map_of("authority", name("authority name"), object(authority), 0);
}

void check_role(Context& context, const Node&, Role& role) {
  check_own_name(context, *context.known, role);
}

Format<std::vector<Role>> roles_format() {
  Section<Role> role;
  role.fields.push_back(
      required("among", &Role::among, host_names(), "Hosts that can have the role."));
  for (auto& item : check_fields<Role>()) role.fields.push_back(std::move(item));
  role.check = check_role;
  return map_of("role", name("role name such as db.leader"), object(role), 0);
}

void check_redundancy(Context& context, const Node& node, RedundancyCheck& check) {
  const auto hosts = static_cast<int>(check.on.size());
  if (check.needs > hosts) {
    context.problem(
        node.mark_of("needs"),
        fmt::format("{}: expected 'needs' from 1 to {}, the number of its hosts, found {}",
                    context.subject, hosts, check.needs));
  }
  for (const RedundancyCheck& other : context.known->redundancy) {
    if (other.name == check.name) {
      context.problem(node.mark_of("name"),
                      fmt::format("{}: the name '{}' is taken by line {}", context.subject,
                                  check.name, other.mark.line));
    }
  }
}

Format<std::vector<RedundancyCheck>> redundancy_format() {
  Section<RedundancyCheck> check;
  check.fields = {
      required("name", &RedundancyCheck::name, text(1, 80), "What it says of the stack."),
      required("on", &RedundancyCheck::on, host_names(), "Hosts it is run on."),
      optional("needs", &RedundancyCheck::needs, integer(1, 1000), "",
               "On how many of them it must hold; without it on all."),
  };
  for (auto& item : check_fields<RedundancyCheck>()) check.fields.push_back(std::move(item));
  check.check = check_redundancy;
  return list_of(object(check), 0, "redundancy check");
}

Format<Slo> slo_format() {
  return object<Slo>({
      {
          optional("outage_budget", &Slo::outage_budget, duration(1ms, 1h), "10s",
                   "The longest outage that still counts as survived."),
          optional("availability", &Slo::availability, percent(), "99.9%",
                   "Share of requests that must be served."),
      },
      nullptr,
  });
}

Format<Limits> limits_format() {
  return object<Limits>({
      {
          optional("hosts", &Limits::hosts, integer(1, 1000), "1000",
                   "At most so many hosts are broken at the same time."),
          optional("tier_share", &Limits::tier_share, percent(), "100%",
                   "At most so large a share of a tier's hosts is broken at the same time."),
          optional("protected", &Limits::protected_hosts, host_names(), "",
                   "Hosts that no fault may touch."),
      },
      nullptr,
  });
}

Format<ProveSettings> prove_format() {
  return object<ProveSettings>({
      {
          optional("baseline", &ProveSettings::baseline, duration(100ms, 10min), "1s",
                   "Traffic before each fault, which must be served."),
          optional("hold", &ProveSettings::hold, duration(100ms, 10min), "3s",
                   "A fault lasts at least this long."),
          optional("settle", &ProveSettings::settle, duration(100ms, 10min), "1s",
                   "Recovered means served without a failure for this long."),
          optional("recovery_deadline", &ProveSettings::recovery_deadline, duration(1s, 1h), "60s",
                   "After healing the stack must be whole again within this time."),
      },
      [](Context& context, const Node& node, ProveSettings& prove) {
        if (prove.settle < prove.recovery_deadline) return;
        context.problem(
            node.mark_of("settle"),
            fmt::format("{}: expected 'settle' below 'recovery_deadline' ({}), found {}",
                        context.subject, format_duration(prove.recovery_deadline),
                        format_duration(prove.settle)));
      },
  });
}

/// A section whose values are members of the topology itself.
Field<Topology> network_field() {
  const Format<Topology> format = network_format();
  Field<Topology> result;
  result.info = {"network", format.shape, true, "", "Addresses and names."};
  result.set = [read = format.read](Context& context, const Node& node, Topology& out) {
    read(context, node, out);
  };
  return result;
}

Section<Topology> make_topology_table() {
  Section<Topology> table;
  table.fields = header_fields<Topology>("topology");
  // Whatever a later field refers to is read by an earlier one.
  std::vector<Field<Topology>> fields = {
      required("name", &Topology::name, label("topology name", 20), "Names runs and labs."),
      optional("title", &Topology::title, text(0, 200), "", "Stands in reports."),
      network_field(),
      optional("zones", &Topology::zones, distinct(label("zone name", 20)), "",
               "Failure domains: racks, rooms, sites."),
      optional("authorities", &Topology::authorities, authorities_format(), "",
               "Certificate authorities; a lab makes each anew."),
      optional("secrets", &Topology::secrets, distinct(identifier()), "",
               "Names for {{ secrets.NAME }}; a lab makes a random value for each."),
      optional("variables", &Topology::variables, text_map(identifier(), text()), "",
               "Constants for {{ vars.NAME }}."),
      required("services", &Topology::services, services_format(), "The daemons, by name."),
      required("hosts", &Topology::hosts, hosts_format(), "The machines, by name."),
      required("tiers", &Topology::tiers, tiers_format(),
               "Groups of hosts of which some are enough, by name."),
      optional("vips", &Topology::vips, vips_format(), "",
               "Addresses that move between hosts, by name."),
      optional("flows", &Topology::flows, flows_format(), "",
               "The allowed traffic; everything else is forbidden."),
      optional("tls", &Topology::tls_hops, tls_hops_format(), "", "Who ends TLS, and as whom."),
      optional("roles", &Topology::roles, roles_format(), "",
               "Roles that move between hosts, and how to find who has one."),
      optional("redundancy", &Topology::redundancy, redundancy_format(), "",
               "What must be true before the stack counts as redundant again."),
      optional("shared", &Topology::shared, shared_format(), "",
               "Dependencies that several hosts share and that the hosts alone do not show."),
      optional("common_causes", &Topology::common_causes, common_causes_format(), "",
               "Components that can fail together by one cause, with the share of such failures."),
      optional("functions", &Topology::functions, functions_format(), "",
               "What users do, by name; without it `read` and `write`, which take the same tiers."),
      optional("reliability", &Topology::reliability, reliability_format(), "",
               "How often things fail and for how long, for what `nospof analyze` computes."),
      required("workload", &Topology::workload, workload_format(),
               "The traffic that says whether users are served."),
      optional("monitoring", &Topology::monitoring, maybe(monitoring_format()), "",
               "Where the stack's own monitoring answers, so that it can be held to what happens."),
      optional("slo", &Topology::slo, slo_format(), "", "What counts as survived."),
      optional("limits", &Topology::limits, limits_format(), "",
               "How much may be broken at the same time."),
      optional("prove", &Topology::prove, prove_format(), "", "How `nospof prove` paces itself."),
  };
  for (auto& item : fields) table.fields.push_back(std::move(item));
  return table;
}

}  // namespace

const Section<Topology>& topology_table() {
  static const Section<Topology> table = make_topology_table();
  return table;
}

}  // namespace nospof::spec
