#include "faults/partition.hpp"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "faults/parameters.hpp"
#include "faults/partition_injection.hpp"
#include "faults/partition_shapes.hpp"
#include "faults/witnesses.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr const char* kind_name = "partition";

/// Which traffic is cut, as the experiment says it.
struct Traffic {
  std::string direction;
  std::string protocol;
  std::vector<std::string> ports;
  std::vector<PortRange> ranges;
};

std::string flipped(const std::string& direction) {
  return direction == "in" ? "out" : direction == "out" ? "in" : direction;
}

// "tcp port 443, 8000-8010 " or nothing.
std::string narrowed(const Traffic& traffic) {
  std::string text;
  if (traffic.protocol != "any") text = traffic.protocol + " ";
  if (!traffic.ports.empty()) text += fmt::format("port {} ", fmt::join(traffic.ports, ", "));
  return text;
}

// What one host has to drop; `direction` as that host sees it.
kinds::Placement placement_on(const kinds::StackHost& host, const Traffic& traffic,
                              const std::string& direction, bool everybody, const Hosts& peers) {
  for (const kinds::StackHost* peer : peers) check_peer(kind_name, {peer->address, peer->mac});
  kinds::Placement placement;
  placement.host = host.name;
  placement.parameters = cut_json(direction, everybody, peers, traffic.protocol, traffic.ports);
  const std::string what = narrowed(traffic);
  const char* way = direction == "in" ? "incoming " : direction == "out" ? "outgoing " : "";
  const char* both = direction == "both" ? ", in and out," : "";
  placement.effect =
      everybody ? fmt::format("drops all {}{}traffic{} of {} on every device{}", way, what, both,
                              host.name, what.empty() ? ", ARP too" : "")
                : fmt::format("drops {}{}traffic{} of {} {} {}", way, what, both, host.name,
                              direction == "in"    ? "from"
                              : direction == "out" ? "to"
                                                   : "from and to",
                              fmt::join(names_of(peers), ", "));
  placement.undo = "the kernel removes the nftables table when the agent lets go of it";
  return placement;
}

spec::KindInfo partition_info() {
  using spec::ParameterType;
  spec::KindInfo info;
  info.name = kind_name;
  info.summary = "Hosts are cut off from everybody, from a group of other hosts, or in a pattern.";
  info.target = spec::TargetType::host;
  info.parameters = {
      {"from",
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
       "Which way is cut, as the targets see it."},
      {"shape", ParameterType::text, false, "isolate", shape_names(),
       "Who is cut off from whom: each target for itself, the targets as a group, the targets in "
       "two halves, in two halves that the middle one bridges, all from each other, or so that "
       "each sees a majority and no two the same.",
       false},
      {"protocol",
       ParameterType::text,
       false,
       "any",
       {"any", "tcp", "udp", "icmp"},
       "Only this traffic is cut; ARP then passes."},
      {"ports",
       ParameterType::text_list,
       false,
       "",
       {},
       "Only traffic from or to these ports of TCP and UDP, as 443 or 8000-8010.",
       false}};
  info.prove_variants = {spec::ProveVariant{},
                         spec::ProveVariant{"one-way", {{"direction", std::string("in")}}}};
  info.needs = {"root", "nftables", "packet-socket"};
  return info;
}

class PartitionKind final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    Traffic traffic{given.text("direction"), given.text("protocol"), given.texts("ports"), {}};
    traffic.ranges = parse_ports(kind_name, traffic.protocol, traffic.ports);
    const std::string shape = given.text("shape");
    const Hosts cut_off = resolve_targets(info_, targets, stack);
    Hosts others;
    if (const auto from = given.texts("from"); !from.empty()) {
      if (shape != "isolate")
        throw Error(
            fmt::format("partition: 'from' and shape '{}' exclude each other: both say who "
                        "is on the other side",
                        shape));
      others = resolve_targets(info_, from, stack);
    }
    if (shape == "group") {
      others = all_but_these(cut_off, stack);
      if (others.empty())
        throw Error("partition: every host is in the group, so there is nobody to cut it off from");
    }
    if (shape != "isolate" && shape != "group") return pattern(shape, cut_off, traffic, stack);
    return sides(cut_off, others, traffic, stack);
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    Cut cut = read_cut(info_.name, reader);
    reader.done();
    return std::make_unique<Partition>(std::move(cut));
  }

 private:
  // Targets on one side, `others` (none: everybody) on the other one.
  static kinds::Plan sides(const Hosts& cut_off, const Hosts& others, const Traffic& traffic,
                           const kinds::StackView& stack) {
    for (const kinds::StackHost* host : others)
      if (has_host(cut_off, host->name))
        throw Error(
            fmt::format("partition: host '{}' stands on both sides of the cut", host->name));
    kinds::Plan plan;
    for (const kinds::StackHost* host : cut_off) {
      const Hosts peers = others.empty() ? all_but(*host, stack) : others;
      if (peers.empty())
        throw Error(fmt::format("partition: there is no other host that '{}' could be cut off from",
                                host->name));
      plan.placements.push_back(
          placement_on(*host, traffic, traffic.direction, others.empty(), peers));
      plan.blast_radius.push_back(host->name);
    }
    for (const kinds::StackHost* host : others) {
      plan.placements.push_back(
          placement_on(*host, traffic, flipped(traffic.direction), false, cut_off));
      plan.blast_radius.push_back(host->name);
    }
    // A TCP connection needs both ways, so whichever is cut, no flow over the cut can open.
    plan.witnesses = choose_witnesses(cut_off, stack, [&](const kinds::StackFlow& flow) {
      if (!concerns_port(traffic.protocol, traffic.ranges, flow.port)) return false;
      if (others.empty()) return has_host(cut_off, flow.from) || has_host(cut_off, flow.to);
      return (has_host(cut_off, flow.from) && has_host(others, flow.to)) ||
             (has_host(others, flow.from) && has_host(cut_off, flow.to));
    });
    return plan;
  }

  static kinds::Plan pattern(const std::string& shape, const Hosts& targets, const Traffic& traffic,
                             const kinds::StackView& stack) {
    if (traffic.direction != "both")
      throw Error(
          fmt::format("partition: shape '{}' cuts both ways; leave out 'direction'", shape));
    const auto unseen = unseen_by(shape, targets);
    kinds::Plan plan;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (unseen[i].empty()) continue;
      plan.placements.push_back(placement_on(*targets[i], traffic, "both", false, unseen[i]));
      plan.blast_radius.push_back(targets[i]->name);
    }
    plan.witnesses = choose_witnesses(targets, stack, [&](const kinds::StackFlow& flow) {
      if (!concerns_port(traffic.protocol, traffic.ranges, flow.port)) return false;
      for (std::size_t i = 0; i < targets.size(); ++i)
        if (targets[i]->name == flow.from) return has_host(unseen[i], flow.to);
      return false;
    });
    return plan;
  }

  static Hosts all_but_these(const Hosts& hosts, const kinds::StackView& stack) {
    Hosts others;
    for (const kinds::StackHost& host : stack.hosts)
      if (!has_host(hosts, host.name)) others.push_back(&host);
    return others;
  }

  spec::KindInfo info_ = partition_info();
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_partition() {
  return std::make_unique<PartitionKind>();
}

}  // namespace nospof::faults
