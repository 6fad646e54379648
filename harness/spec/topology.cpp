#include "spec/topology.hpp"

#include <algorithm>

namespace nospof::spec {

namespace {

template <typename T>
const T* find(const std::vector<T>& items, const std::string& name) {
  const auto found = std::ranges::find(items, name, &T::name);
  return found == items.end() ? nullptr : &*found;
}

}  // namespace

const Host* Topology::find_host(const std::string& wanted) const {
  return find(hosts, wanted);
}

const Service* Topology::find_service(const std::string& wanted) const {
  return find(services, wanted);
}

const Tier* Topology::find_tier(const std::string& wanted) const {
  return find(tiers, wanted);
}

const Vip* Topology::find_vip(const std::string& wanted) const {
  return find(vips, wanted);
}

const Role* Topology::find_role(const std::string& wanted) const {
  return find(roles, wanted);
}

const TlsHop* Topology::hop_ended_by(const std::string& service, const std::string& host) const {
  const Service* ending = find_service(service);
  const Host* on = find_host(host);
  if (ending == nullptr || !ending->tls || on == nullptr ||
      std::ranges::find(on->services, service) == on->services.end())
    return nullptr;
  for (const TlsHop& hop : tls_hops) {
    const std::string listens = std::to_string(hop.port) + "/tcp";
    if (std::ranges::find(hop.to, host) != hop.to.end() &&
        std::ranges::find(ending->listens, listens) != ending->listens.end())
      return &hop;
  }
  return nullptr;
}

const Tier* Topology::tier_of(const std::string& host) const {
  for (const Tier& tier : tiers) {
    if (std::ranges::find(tier.hosts, host) != tier.hosts.end()) return &tier;
  }
  return nullptr;
}

}  // namespace nospof::spec
