#include "faults/firewall.hpp"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "faults/firewall_rules.hpp"
#include "faults/parameters.hpp"
#include "faults/witnesses.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using enum kinds::Confirmation::Outcome;

constexpr const char* kind_name = "firewall";
constexpr double least_ratio = 0.0001;
constexpr std::size_t asked_at_once = 3;

FirewallAction action_of(const std::string& name) {
  if (name == "reject") return FirewallAction::reject;
  if (name == "tcp-reset") return FirewallAction::tcp_reset;
  if (name == "drop") return FirewallAction::drop;
  throw Error(
      fmt::format("firewall: action '{}' is unknown; known are: drop, reject, tcp-reset", name));
}

void check_flow(const std::string& action, const std::string& protocol, double ratio) {
  if (action == "tcp-reset" && protocol != "any" && protocol != "tcp")
    throw Error(fmt::format("firewall: only TCP can be reset, not {}; use action reject or drop",
                            protocol));
  if (!(ratio >= least_ratio && ratio <= 1))
    throw Error(
        fmt::format("firewall: parameter 'ratio' must be from {}% to 100%", least_ratio * 100));
}

class FirewallInjection final : public kinds::Injection {
 public:
  FirewallInjection(FirewallFlow flow, OwnedTable table)
      : flow_(std::move(flow)), table_(std::move(table)) {}

  std::vector<kinds::UndoRecord> undo() const override { return table_.undo(); }
  void inject() override {
    devices_ = devices_but_loopback();
    table_.add(firewall_rules(flow_, table_.name(), devices_));
  }
  void release() override { table_.release(); }
  kinds::Confirmation confirm_healed() override { return table_.confirm_healed(); }

  kinds::Confirmation confirm() override {
    NftContext look;
    if (const auto wrong = table_.amiss(look)) return *wrong;
    if (const std::string why = table_.not_first(look, firewall_hooks(flow_)); !why.empty())
      return {unable, why};
    for (const NetworkDevice& device : devices_but_loopback())
      if (std::none_of(devices_.begin(), devices_.end(),
                       [&device](const auto& known) { return known.name == device.name; }))
        return {unable, fmt::format("device {} came after the rules and is not covered by them",
                                    device.name)};
    provoke(flow_.cut, next_peer_);
    next_peer_ += asked_at_once;
    return judge(look);
  }

 private:
  kinds::Confirmation judge(NftContext& look) const {
    std::uint64_t matched = 0;
    std::uint64_t hit = 0;
    for (const std::string& family : firewall_families(flow_)) {
      const auto counters = look.counters(table_.in(family));
      for (std::size_t i = 0; i < counters.size(); ++i) {
        // The first counter of a chain is that of the flow, the second that of the verdict.
        const bool first = i == 0 || counters[i - 1].chain != counters[i].chain;
        (first ? matched : hit) += counters[i].packets;
      }
    }
    const char* done = flow_.action == FirewallAction::drop     ? "dropped"
                       : flow_.action == FirewallAction::reject ? "rejected"
                                                                : "reset";
    return {hit > 0 ? confirmed : not_yet,
            fmt::format("table {} with flag owner is first; {} of {} packets of the flow were {}",
                        table_.name(), hit, matched, done)};
  }

  FirewallFlow flow_;
  OwnedTable table_;
  std::vector<NetworkDevice> devices_;
  std::size_t next_peer_ = 0;
};

class Firewall final : public kinds::Fault {
 public:
  explicit Firewall(FirewallFlow flow) : flow_(std::move(flow)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    if (devices_but_loopback().empty())
      throw Error(fmt::format("firewall: host '{}' has no network device", env.host));
    OwnedTable table(kind_name, firewall_families(flow_));
    std::string needed =
        "are nftables with netdev ingress and egress hooks (Linux 5.16, CONFIG_NETFILTER_EGRESS) "
        "and the table flag owner (5.12)";
    if (flow_.action != FirewallAction::drop)
      needed += ", for this action also CONFIG_NFT_REJECT_NETDEV and CONFIG_NFT_REJECT_INET";
    if (flow_.ratio < 1) needed += ", for 'ratio' also CONFIG_NFT_NUMGEN";
    require_rules(kind_name, env.host,
                  firewall_rules(flow_, table.name(), {NetworkDevice{"lo", 1}}), needed);
    return std::make_unique<FirewallInjection>(flow_, std::move(table));
  }

 private:
  FirewallFlow flow_;
};

spec::KindInfo firewall_info() {
  using spec::ParameterType;
  spec::KindInfo info;
  info.name = kind_name;
  info.summary = "A flow of packets is dropped, rejected or reset by the host's packet filter.";
  info.target = spec::TargetType::host;
  info.needs = {"root", "nftables", "nft-reject", "nft-random"};
  info.parameters = {{"action",
                      ParameterType::text,
                      false,
                      "drop",
                      {"drop", "reject", "tcp-reset"},
                      "Silence, an ICMP port-unreachable, or a TCP RST as the answer.",
                      false},
                     {"peers",
                      ParameterType::text_list,
                      false,
                      "",
                      {},
                      "Hosts at the other end of the flow; left out: everybody.",
                      true},
                     {"direction",
                      ParameterType::text,
                      false,
                      "both",
                      {"both", "in", "out"},
                      "Packets that come in, that go out, or both, as the target sees it.",
                      false},
                     {"protocol",
                      ParameterType::text,
                      false,
                      "any",
                      {"any", "tcp", "udp", "icmp"},
                      "Only packets of this protocol.",
                      false},
                     {"ports",
                      ParameterType::text_list,
                      false,
                      "",
                      {},
                      "Only packets from or to these ports of TCP and UDP, as 443 or 8000-8010.",
                      false},
                     {"ratio",
                      ParameterType::percent,
                      false,
                      "100%",
                      {},
                      "Share of the flow's packets that is hit, each drawn at random.",
                      false}};
  return info;
}

class FirewallKind final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    const std::string action = given.text("action");
    const std::string direction = given.text("direction");
    const std::string protocol = given.text("protocol");
    const auto ports = given.texts("ports");
    const auto ranges = parse_ports(info_.name, protocol, ports);
    const double ratio = given.share("ratio");
    check_flow(action, protocol, ratio);
    const Hosts hosts = resolve_targets(info_, targets, stack);
    Hosts others;
    if (const auto named = given.texts("peers"); !named.empty())
      others = resolve_targets(info_, named, stack);

    kinds::Plan plan;
    for (const kinds::StackHost* host : hosts) {
      Hosts peers = others.empty() ? all_but(*host, stack) : others;
      std::erase(peers, host);
      if (peers.empty())
        throw Error(
            fmt::format("firewall: there is no other host for the flow of '{}'", host->name));
      for (const kinds::StackHost* peer : peers) check_peer(info_.name, {peer->address, peer->mac});
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = cut_json(direction, others.empty(), peers, protocol, ports);
      placement.parameters["action"] = action;
      if (ratio < 1) placement.parameters["ratio"] = ratio;
      placement.effect = fmt::format(
          "{} {}{}{}packets {} {} {}{}",
          action == "drop"     ? "drops"
          : action == "reject" ? "rejects"
                               : "resets",
          ratio < 1 ? fmt::format("{:g}% of the ", ratio * 100) : "",
          protocol == "any" ? "" : protocol + " ",
          ports.empty() ? "" : fmt::format("port {} ", fmt::join(ports, ", ")),
          direction == "in"    ? "that come in to"
          : direction == "out" ? "that go out of"
                               : "in and out of",
          host->name,
          direction == "in"    ? "from "
          : direction == "out" ? "to "
                               : "from and to ",
          others.empty() ? "everybody" : fmt::format("{}", fmt::join(names_of(peers), ", ")));
      placement.undo = "the kernel removes the nftables tables when the agent lets go of them";
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    // By chance a connection still opens: then only the counters can tell.
    if (ratio >= 1)
      plan.witnesses = choose_witnesses(hosts, stack, [&](const kinds::StackFlow& flow) {
        if (!concerns_port(protocol, ranges, flow.port)) return false;
        const auto is_peer = [&](const std::string& name) {
          return others.empty() || has_host(others, name);
        };
        return (has_host(hosts, flow.from) && is_peer(flow.to)) ||
               (has_host(hosts, flow.to) && is_peer(flow.from));
      });
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    FirewallFlow flow;
    flow.cut = read_cut(info_.name, reader);
    const std::string action = reader.text_or("action", "drop");
    flow.action = action_of(action);
    flow.ratio = reader.number_or("ratio", 1, least_ratio, 1);
    check_flow(action, flow.cut.protocol, flow.ratio);
    reader.done();
    // ICMP can't be answered by ICMP errors, but by silence it can.
    if (action == "tcp-reset") flow.cut.protocol = "tcp";
    return std::make_unique<Firewall>(std::move(flow));
  }

 private:
  spec::KindInfo info_ = firewall_info();
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_firewall() {
  return std::make_unique<FirewallKind>();
}

}  // namespace nospof::faults
