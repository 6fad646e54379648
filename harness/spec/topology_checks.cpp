#include "spec/topology_checks.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "spec/ipv4.hpp"

namespace nospof::spec {

namespace {

/// Where `key` of an entry of a section that is a map stands.
Mark place(const Node& root, std::string_view section, std::string_view entry,
           std::string_view key) {
  const Node* map = root.find(section);
  const Node* value = map == nullptr ? nullptr : map->find(entry);
  return value == nullptr ? root.mark : value->mark_of(key);
}

class AddressChecks {
 public:
  AddressChecks(Context& context, const Topology& topology)
      : context_(context), subnet_text_(topology.subnet), subnet_(parse_subnet(topology.subnet)) {}

  void check(const std::string& owner, const std::string& text, Mark mark) {
    const auto address = parse_ipv4(text);
    if (!address) return;
    const auto [first, is_new] = owners_.emplace(*address, owner);
    if (!is_new) {
      context_.problem(mark,
                       fmt::format("{}: address {} is taken by {}", owner, text, first->second));
    }
    if (!subnet_) return;
    if (!subnet_->contains(*address)) {
      context_.problem(
          mark, fmt::format("{}: address {} is not in the subnet {}", owner, text, subnet_text_));
    } else if (*address == subnet_->base || *address == subnet_->broadcast()) {
      context_.problem(
          mark, fmt::format("{}: {} is the {} address of the subnet {}", owner, text,
                            *address == subnet_->base ? "network" : "broadcast", subnet_text_));
    }
  }

 private:
  Context& context_;
  std::string subnet_text_;
  std::optional<Subnet> subnet_;
  std::map<std::uint32_t, std::string> owners_;
};

void check_addresses(Context& context, const Node& root, const Topology& topology) {
  AddressChecks addresses(context, topology);
  for (const Host& host : topology.hosts) {
    addresses.check("host " + quote(host.name), host.address,
                    place(root, "hosts", host.name, "address"));
  }
  for (const Vip& vip : topology.vips) {
    addresses.check("VIP " + quote(vip.name), vip.address,
                    place(root, "vips", vip.name, "address"));
  }
  const bool has_lab = std::ranges::any_of(
      topology.hosts, [](const Host& host) { return host.transport == TransportKind::lab; });
  const auto subnet = parse_subnet(topology.subnet);
  if (!has_lab || !subnet || lab_range.contains(*subnet)) return;
  const Node* network = root.find("network");
  context.problem(network == nullptr ? root.mark : network->mark_of("subnet"),
                  fmt::format("hosts with transport lab need a subnet inside 198.18.0.0/15, which "
                              "nobody else uses; found {}",
                              topology.subnet));
}

/// Two services of one host must not want the same port, nor be rendered to the same file.
void check_host_services(Context& context, const Node& root, const Topology& topology) {
  for (const Host& host : topology.hosts) {
    std::map<std::string, std::string> listeners;
    std::map<std::string, std::string> files;
    const Node* hosts = root.find("hosts");
    const Node* entry = hosts == nullptr ? nullptr : hosts->find(host.name);
    const Node* services = entry == nullptr ? nullptr : entry->find("services");
    for (std::size_t i = 0; i < host.services.size(); ++i) {
      const Service* service = topology.find_service(host.services[i]);
      if (service == nullptr) continue;
      const Mark mark = services == nullptr ? host.mark : services->mark_of(i);
      const auto claim = [&](auto& taken, const std::string& what, const std::string& verb) {
        const auto [first, is_new] = taken.emplace(what, service->name);
        if (is_new || first->second == service->name) return;
        context.problem(mark, fmt::format("host '{}': services '{}' and '{}' both {} {}", host.name,
                                          first->second, service->name, verb, what));
      };
      for (const std::string& listens : service->listens) claim(listeners, listens, "listen on");
      for (std::string file : service->files) {
        if (file.ends_with(".j2")) file.resize(file.size() - 3);
        claim(files, file, "write the file");
      }
    }
  }
}

void check_tiers(Context& context, const Topology& topology) {
  for (const Host& host : topology.hosts) {
    if (host.observer || topology.tier_of(host.name) != nullptr) continue;
    context.problem(host.mark,
                    fmt::format("host '{}' is in no tier; add it to one, or mark it with "
                                "'observer: true'",
                                host.name));
  }
}

void check_used_services(Context& context, const Topology& topology) {
  std::set<std::string> used;
  for (const Host& host : topology.hosts) used.insert(host.services.begin(), host.services.end());
  for (const Service& service : topology.services) {
    if (used.contains(service.name)) continue;
    context.problem(
        service.mark,
        fmt::format("service '{}' runs on no host; add it to 'services' of one, or take "
                    "it out",
                    service.name));
  }
}

void check_used_authorities(Context& context, const Topology& topology) {
  std::set<std::string> used = {topology.workload.authority};
  for (const TlsHop& hop : topology.tls_hops) used.insert(hop.authority);
  for (const Service& service : topology.services) {
    if (service.tls) used.insert(service.tls->authority);
  }
  for (const Authority& authority : topology.authorities) {
    if (used.contains(authority.name)) continue;
    context.problem(authority.mark,
                    fmt::format("authority '{}' signs nothing; take it out", authority.name));
  }
}

/// Costs are added up, so they must be in one currency.
void check_currency(Context& context, const Node& root, const Topology& topology) {
  std::string currency;
  for (const Host& host : topology.hosts) {
    const Node* hosts = root.find("hosts");
    const Node* entry = hosts == nullptr ? nullptr : hosts->find(host.name);
    const Node* cost = entry == nullptr ? nullptr : entry->find("cost");
    const auto check = [&](const std::optional<Money>& money, std::string_view key) {
      if (!money) return;
      if (currency.empty()) currency = money->currency;
      if (money->currency == currency) return;
      context.problem(cost == nullptr ? host.mark : cost->mark_of(key),
                      fmt::format("host '{}': all costs must be in one currency; found {} after {}",
                                  host.name, money->currency, currency));
    };
    check(host.cost.hardware, "hardware");
    check(host.cost.setup, "setup");
    check(host.cost.power, "power");
    check(host.cost.maintenance, "maintenance");
    check(host.cost.administration, "administration");
  }
}

}  // namespace

void check_topology(Context& context, const Node& root, const Topology& topology) {
  check_addresses(context, root, topology);
  check_host_services(context, root, topology);
  if (context.sound({"hosts", "tiers"})) check_tiers(context, topology);
  if (context.sound({"hosts", "services"})) check_used_services(context, topology);
  if (context.sound({"services", "tls", "workload"})) check_used_authorities(context, topology);
  check_currency(context, root, topology);
}

}  // namespace nospof::spec
