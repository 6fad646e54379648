#include "analysis/user_path.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "spec/listener.hpp"
#include "spec/url.hpp"

namespace nospof::analysis {

namespace {

std::vector<std::string> listens_of(const spec::Flow& flow) {
  std::vector<std::string> found;
  if (flow.protocol != spec::Protocol::tcp && flow.protocol != spec::Protocol::udp) return found;
  const char* protocol = flow.protocol == spec::Protocol::tcp ? "tcp" : "udp";
  for (const int port : flow.ports) found.push_back(fmt::format("{}/{}", port, protocol));
  return found;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

class Walk {
 public:
  explicit Walk(const spec::Topology& topology) : topology_(topology) {}

  std::vector<PathTier> go() {
    enter();
    for (std::size_t i = 0; i < path_.size(); ++i)  // grows while it is gone through
      for (const spec::Flow& flow : topology_.flows) follow(flow, *path_[i].tier);
    return std::move(path_);
  }

 private:
  void enter() {
    const spec::Workload& workload = topology_.workload;
    const auto url = spec::parse_https_url(workload.url);
    if (!url) return;
    const std::string listens = fmt::format("{}/tcp", url->port);
    if (const spec::Vip* vip = topology_.find_vip(workload.vip)) {
      for (const std::string& owner : vip->owners) reach(owner, listens);
      return;
    }
    for (const spec::Vip& vip : topology_.vips)
      if (vip.dns_name == url->host)
        for (const std::string& owner : vip.owners) reach(owner, listens);
    for (const spec::Host& host : topology_.hosts)
      if (url->host == host.name || url->host == host.name + "." + topology_.domain ||
          url->host == host.address)
        reach(host.name, listens);
  }

  void follow(const spec::Flow& flow, const spec::Tier& from) {
    const bool leaves = std::ranges::any_of(
        flow.from, [&](const std::string& host) { return contains(from.hosts, host); });
    if (!leaves) return;
    for (const std::string& listens : listens_of(flow))
      for (const std::string& to : flow.to)
        if (!contains(from.hosts, to) && spec::listener(topology_, to, listens) != nullptr)
          reach(to, listens);
  }

  void reach(const std::string& host, const std::string& listens) {
    const spec::Tier* tier = topology_.tier_of(host);
    if (tier == nullptr) return;
    auto known = std::ranges::find(path_, tier, &PathTier::tier);
    if (known == path_.end()) known = path_.insert(path_.end(), {tier, {}});
    known->reached[listens].insert(host);
  }

  const spec::Topology& topology_;
  std::vector<PathTier> path_;
};

bool runs_in_tier_only(const spec::Topology& topology, const spec::Tier& tier,
                       const std::string& service) {
  return std::ranges::all_of(topology.hosts, [&](const spec::Host& host) {
    return !contains(host.services, service) || contains(tier.hosts, host.name);
  });
}

}  // namespace

std::vector<PathTier> user_path(const spec::Topology& topology) {
  return Walk(topology).go();
}

const PathTier* find_tier(const std::vector<PathTier>& path, const std::string& tier) {
  const auto found =
      std::ranges::find_if(path, [&](const PathTier& entry) { return entry.tier->name == tier; });
  return found == path.end() ? nullptr : &*found;
}

std::vector<std::string> only_ways_in(const std::vector<PathTier>& path, const spec::Tier& tier) {
  const PathTier* entry = find_tier(path, tier.name);
  if (entry == nullptr) return {};
  const auto fewest = std::ranges::min_element(entry->reached, {},
                                               [](const auto& port) { return port.second.size(); });
  if (fewest == entry->reached.end() || fewest->second.size() >= tier.hosts.size()) return {};
  return {fewest->second.begin(), fewest->second.end()};
}

std::vector<std::string> needed_services(const spec::Topology& topology, const PathTier& path_tier,
                                         const std::string& host) {
  std::vector<std::string> needed;
  const spec::Host* found = topology.find_host(host);
  if (found == nullptr) return needed;
  for (const std::string& name : found->services) {
    const spec::Service* service = topology.find_service(name);
    if (service == nullptr) continue;
    const bool asked = std::ranges::any_of(service->listens, [&](const std::string& listens) {
      return path_tier.reached.contains(listens);
    });
    if (service->needed.value_or(asked || runs_in_tier_only(topology, *path_tier.tier, name)))
      needed.push_back(name);
  }
  return needed;
}

}  // namespace nospof::analysis
