#include "faults/partition.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "faults/parameters.hpp"
#include "faults/partition_injection.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using Hosts = std::vector<const kinds::StackHost*>;

constexpr std::size_t most_witnesses = 6;

bool has(const Hosts& hosts, const std::string& name) {
  return std::any_of(hosts.begin(), hosts.end(),
                     [&name](const auto* host) { return host->name == name; });
}

std::vector<std::string> names_of(const Hosts& hosts) {
  std::vector<std::string> names;
  for (const kinds::StackHost* host : hosts) names.push_back(host->name);
  return names;
}

// A TCP connection needs both ways, so whichever is cut, no flow over the cut can open.
bool crosses(const kinds::StackFlow& flow, const Hosts& targets, const Hosts& others) {
  if (flow.from == flow.to) return false;
  if (others.empty()) return has(targets, flow.from) || has(targets, flow.to);
  return (has(targets, flow.from) && has(others, flow.to)) ||
         (has(others, flow.from) && has(targets, flow.to));
}

// Spread over hosts, ports and both ways: each time the flow whose ends were used least so far.
std::vector<kinds::Witness> choose_witnesses(const Hosts& targets, const Hosts& others,
                                             const kinds::StackView& stack) {
  std::vector<const kinds::StackFlow*> candidates;
  for (const kinds::StackFlow& flow : stack.flows)
    if (crosses(flow, targets, others)) candidates.push_back(&flow);
  std::map<std::string, int> used;
  std::vector<kinds::Witness> witnesses;
  while (!candidates.empty() && witnesses.size() < most_witnesses) {
    const auto keys = [&targets](const kinds::StackFlow& flow) {
      return std::array{fmt::format("from {}", flow.from), fmt::format("to {}", flow.to),
                        fmt::format("port {}", flow.port),
                        fmt::format("way {}", has(targets, flow.to))};
    };
    const auto cost = [&used, &keys](const kinds::StackFlow* flow) {
      int sum = 0;
      for (const std::string& key : keys(*flow)) sum += used[key];
      return sum;
    };
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

std::string flipped(const std::string& direction) {
  return direction == "in" ? "out" : direction == "out" ? "in" : direction;
}

json::array peers_json(const Hosts& hosts) {
  json::array peers;
  for (const kinds::StackHost* host : hosts) {
    check_peer({host->address, host->mac});
    peers.push_back(json::object{{"address", host->address}, {"mac", host->mac}});
  }
  return peers;
}

// What one host has to drop; `direction` as that host sees it.
kinds::Placement placement_on(const kinds::StackHost& host, const std::string& direction,
                              bool everybody, const Hosts& peers) {
  kinds::Placement placement;
  placement.host = host.name;
  placement.parameters = {
      {"direction", direction}, {"everybody", everybody}, {"peers", peers_json(peers)}};
  const char* way = direction == "in"    ? "incoming traffic"
                    : direction == "out" ? "outgoing traffic"
                                         : "traffic, in and out,";
  placement.effect =
      everybody ? fmt::format("drops all {} of {} on every device, ARP too", way, host.name)
                : fmt::format("drops {} of {} {} {}", way, host.name,
                              direction == "in"    ? "from"
                              : direction == "out" ? "to"
                                                   : "from and to",
                              fmt::join(names_of(peers), ", "));
  placement.undo = "the kernel removes the nftables table when the agent lets go of it";
  return placement;
}

class PartitionKind final : public kinds::FaultKind {
 public:
  PartitionKind() {
    using spec::ParameterType;
    info_.name = "partition";
    info_.summary = "Hosts are cut off from everybody, or from a group of other hosts.";
    info_.target = spec::TargetType::host;
    info_.parameters = {{"from",
                         ParameterType::text_list,
                         false,
                         "",
                         {},
                         "Hosts on the other side of the cut; left out: everybody.",
                         true},
                        {"direction",
                         ParameterType::text,
                         false,
                         "both",
                         {"both", "in", "out"},
                         "Which way is cut, as the targets see it."}};
    info_.prove_variants = {spec::ProveVariant{}};
    info_.needs = {"root", "nftables", "packet-socket"};
  }

  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    const std::string direction = given.text("direction");
    const std::vector<std::string> from = given.texts("from");
    const Hosts cut_off = resolve_targets(info_, targets, stack);
    Hosts others;
    if (!from.empty()) others = resolve_targets(info_, from, stack);
    for (const kinds::StackHost* host : others)
      if (has(cut_off, host->name))
        throw Error(
            fmt::format("partition: host '{}' stands on both sides of the cut", host->name));

    kinds::Plan plan;
    for (const kinds::StackHost* host : cut_off) {
      const Hosts peers = others.empty() ? all_but(*host, stack) : others;
      if (peers.empty())
        throw Error(fmt::format("partition: there is no other host that '{}' could be cut off from",
                                host->name));
      plan.placements.push_back(placement_on(*host, direction, others.empty(), peers));
      plan.blast_radius.push_back(host->name);
    }
    for (const kinds::StackHost* host : others) {
      plan.placements.push_back(placement_on(*host, flipped(direction), false, cut_off));
      plan.blast_radius.push_back(host->name);
    }
    plan.witnesses = choose_witnesses(cut_off, others, stack);
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    Cut cut;
    const std::string direction = reader.text_or("direction", "both");
    if (direction != "both" && direction != "in" && direction != "out")
      reader.refuse("direction", "must be 'both', 'in' or 'out'");
    cut.in = direction != "out";
    cut.out = direction != "in";
    cut.everybody = reader.boolean_or("everybody", false);
    for (const json::object& entry : reader.objects("peers")) {
      PlacementReader peer(info_.name, entry);
      cut.peers.push_back({peer.text("address"), peer.text_or_empty("mac")});
      peer.done();
      check_peer(cut.peers.back());
    }
    if (!cut.everybody && cut.peers.empty())
      reader.refuse("peers", "must not be empty unless 'everybody' is true");
    reader.done();
    return std::make_unique<Partition>(std::move(cut));
  }

 private:
  static Hosts all_but(const kinds::StackHost& host, const kinds::StackView& stack) {
    Hosts hosts;
    for (const kinds::StackHost& other : stack.hosts)
      if (other.name != host.name) hosts.push_back(&other);
    return hosts;
  }

  spec::KindInfo info_;
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_partition() {
  return std::make_unique<PartitionKind>();
}

}  // namespace nospof::faults
