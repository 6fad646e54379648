#include "faults/witnesses.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include <fmt/format.h>

namespace nospof::faults {

namespace {
constexpr std::size_t most_witnesses = 6;
}

bool has_host(const Hosts& hosts, const std::string& name) {
  return std::any_of(hosts.begin(), hosts.end(),
                     [&name](const auto* host) { return host->name == name; });
}

std::vector<std::string> names_of(const Hosts& hosts) {
  std::vector<std::string> names;
  for (const kinds::StackHost* host : hosts) names.push_back(host->name);
  return names;
}

Hosts all_but(const kinds::StackHost& host, const kinds::StackView& stack) {
  Hosts hosts;
  for (const kinds::StackHost& other : stack.hosts)
    if (other.name != host.name) hosts.push_back(&other);
  return hosts;
}

std::vector<kinds::Witness> choose_witnesses(
    const Hosts& targets, const kinds::StackView& stack,
    const std::function<bool(const kinds::StackFlow&)>& crosses) {
  std::vector<const kinds::StackFlow*> candidates;
  for (const kinds::StackFlow& flow : stack.flows)
    if (flow.from != flow.to && crosses(flow)) candidates.push_back(&flow);
  std::map<std::string, int> used;
  std::vector<kinds::Witness> witnesses;
  const auto keys = [&targets](const kinds::StackFlow& flow) {
    return std::array{fmt::format("from {}", flow.from), fmt::format("to {}", flow.to),
                      fmt::format("port {}", flow.port),
                      fmt::format("way {}", has_host(targets, flow.to))};
  };
  const auto cost = [&used, &keys](const kinds::StackFlow* flow) {
    int sum = 0;
    for (const std::string& key : keys(*flow)) sum += used[key];
    return sum;
  };
  while (!candidates.empty() && witnesses.size() < most_witnesses) {
    auto best = candidates.begin();
    int lowest = std::numeric_limits<int>::max();
    for (auto it = candidates.begin(); it != candidates.end(); ++it)
      if (const int c = cost(*it); c < lowest) {
        lowest = c;
        best = it;
      }
    const kinds::StackFlow& flow = **best;
    for (const std::string& key : keys(flow)) ++used[key];
    witnesses.push_back({flow.from, flow.to, stack.host(flow.to).address, flow.port});
    candidates.erase(best);
  }
  return witnesses;
}

bool concerns_port(const std::string& protocol, const std::vector<PortRange>& ports, int port) {
  if (protocol != "any" && protocol != "tcp") return false;
  return ports.empty() || std::any_of(ports.begin(), ports.end(), [port](const PortRange& range) {
           return range.first <= port && port <= range.last;
         });
}

}  // namespace nospof::faults
