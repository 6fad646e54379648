#include "faults/stack_peers.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "faults/parameters.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr std::size_t most_witnesses = 6;

bool has(const StackHosts& hosts, const std::string& name) {
  return std::any_of(hosts.begin(), hosts.end(),
                     [&name](const auto* host) { return host->name == name; });
}

}  // namespace

StackHosts peers_of(const spec::KindInfo& info, const kinds::StackHost& host,
                    const std::vector<std::string>& named, const kinds::StackView& stack) {
  StackHosts peers;
  if (named.empty()) {
    for (const kinds::StackHost& other : stack.hosts)
      if (other.name != host.name) peers.push_back(&other);
  } else {
    peers = resolve_targets(info, named, stack);
  }
  if (has(peers, host.name))
    throw Error(fmt::format("{}: host '{}' is its own peer; leave it out", info.name, host.name));
  if (peers.empty())
    throw Error(fmt::format("{}: there is no other host beside '{}'", info.name, host.name));
  return peers;
}

std::vector<std::string> addresses_of(const StackHosts& peers, const kinds::StackView& stack) {
  std::vector<std::string> addresses;
  for (const kinds::StackHost* peer : peers) addresses.push_back(peer->address);
  for (const kinds::StackVip& vip : stack.vips)
    if (std::all_of(vip.owners.begin(), vip.owners.end(),
                    [&peers](const auto& owner) { return has(peers, owner); }))
      addresses.push_back(vip.address);
  return addresses;
}

std::vector<kinds::Witness> witnesses_between(const kinds::StackHost& host, const StackHosts& peers,
                                              const kinds::StackView& stack) {
  std::vector<const kinds::StackFlow*> flows;
  for (const kinds::StackFlow& flow : stack.flows)
    if ((flow.from == host.name && has(peers, flow.to)) ||
        (flow.to == host.name && has(peers, flow.from)))
      flows.push_back(&flow);
  // Each time one whose way and port were used least so far.
  std::map<std::string, int> used;
  const auto key = [&host](const kinds::StackFlow& flow) {
    return fmt::format("{} {}", flow.from == host.name, flow.port);
  };
  std::vector<kinds::Witness> witnesses;
  while (!flows.empty() && witnesses.size() < most_witnesses) {
    const auto best = std::min_element(
        flows.begin(), flows.end(),
        [&](const auto* left, const auto* right) { return used[key(*left)] < used[key(*right)]; });
    const kinds::StackFlow& flow = **best;
    ++used[key(flow)];
    witnesses.push_back({flow.from, flow.to, stack.host(flow.to).address, flow.port});
    flows.erase(best);
  }
  return witnesses;
}

}  // namespace nospof::faults
