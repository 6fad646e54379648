#include "faults/mtu.hpp"

#include <arpa/inet.h>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "faults/owned_table.hpp"
#include "faults/parameters.hpp"
#include "faults/stack_peers.hpp"
#include "system/check.hpp"
#include "system/large_packet.hpp"

namespace nospof::faults {

namespace {

constexpr const char* kind_name = "mtu";
constexpr const char* family = "netdev";
// IPv4 works with 68 bytes; nothing passes more than 65535.
constexpr std::int64_t least_size = 68;
constexpr std::int64_t most_size = 65534;

// How many peers are sent to each time the agent wants to know whether it bites.
constexpr std::size_t asked_at_once = 3;

std::string rules_one_way(const MtuHole& hole, bool in) {
  const char* end = in ? "saddr" : "daddr";
  std::string text;
  if (hole.addresses.empty()) {
    text += fmt::format("    meta protocol ip ip length > {} counter drop\n", hole.size);
    // The length in an IPv6 header does not count the header.
    text += fmt::format("    meta protocol ip6 ip6 length > {} counter drop\n",
                        std::max(hole.size - 40, 0));
  } else {
    text += fmt::format("    ip {} {{ {} }} ip length > {} counter drop\n", end,
                        fmt::join(hole.addresses, ", "), hole.size);
  }
  return text;
}

class MtuInjection final : public kinds::Injection {
 public:
  MtuInjection(MtuHole hole, OwnedTable table) : hole_(std::move(hole)), table_(std::move(table)) {}

  std::vector<kinds::UndoRecord> undo() const override { return table_.undo(); }

  void inject() override {
    devices_ = devices_but_loopback();
    table_.add(mtu_rules(hole_, table_.name(), devices_));
  }

  // Outgoing: packets of our own that are too large are sent and must be counted. Incoming ones
  // come from others; then the rules in their place are what there is to see.
  kinds::Confirmation confirm() override {
    NftContext look;
    if (const auto amiss = table_.amiss(look)) return *amiss;
    const std::string why = table_.not_first(look, {"ingress", "egress"});
    if (!why.empty()) return {unable, why};
    provoke();
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    for (const NftCounter& counter : look.counters(table_.in(family)))
      (counter.chain.starts_with("in_") ? in : out) += counter.packets;
    const std::string evidence = fmt::format(
        "table {} with flag owner is first on {} devices; packets above {} bytes dropped: {} out, "
        "{} in",
        table_.name(), devices_.size(), hole_.size, out, in);
    if (!hole_.out || targets_.empty()) return {confirmed, evidence};
    return {out > 0 ? confirmed : not_yet, evidence};
  }

  void release() override { table_.release(); }
  kinds::Confirmation confirm_healed() override { return table_.confirm_healed(); }

  /// Addresses that packets of ours may go to, to see that they vanish.
  void send_to(std::vector<std::string> targets) { targets_ = std::move(targets); }

 private:
  using enum kinds::Confirmation::Outcome;

  void provoke() {
    if (!hole_.out) return;
    for (std::size_t i = 0; i < std::min(asked_at_once, targets_.size()); ++i)
      send_large_packet(targets_[next_++ % targets_.size()], hole_.size + 1);
  }

  MtuHole hole_;
  OwnedTable table_;
  std::vector<NetworkDevice> devices_;
  std::vector<std::string> targets_;
  std::size_t next_ = 0;
};

class Mtu final : public kinds::Fault {
 public:
  Mtu(MtuHole hole, std::vector<std::string> targets)
      : hole_(std::move(hole)), targets_(std::move(targets)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    const auto devices = devices_but_loopback();
    if (devices.empty()) throw Error(fmt::format("mtu: host '{}' has no network device", env.host));
    int largest = 0;
    for (const NetworkDevice& device : devices)
      largest = std::max(largest, mtu_of_device(device.name));
    if (hole_.size >= largest)
      throw Error(
          fmt::format("mtu: no device of host '{}' sends more than {} bytes at once, so a "
                      "size of {} stops nothing; give a smaller one",
                      env.host, largest, hole_.size));
    OwnedTable table(kind_name, {family});
    require_rules(kind_name, env.host, mtu_rules(hole_, table.name(), {NetworkDevice{"lo", 1}}),
                  "are nftables with netdev ingress and egress hooks (Linux 5.16, "
                  "CONFIG_NETFILTER_EGRESS) and the table flag owner (5.12)");
    auto injection = std::make_unique<MtuInjection>(hole_, std::move(table));
    injection->send_to(targets_);
    return injection;
  }

 private:
  MtuHole hole_;
  std::vector<std::string> targets_;
};

class MtuKind final : public kinds::FaultKind {
 public:
  MtuKind() {
    using spec::ParameterType;
    info_.name = kind_name;
    info_.summary = "A path-MTU black hole: large packets vanish without a word, small ones pass.";
    info_.target = spec::TargetType::host;
    info_.parameters = {{"size",
                         ParameterType::integer,
                         false,
                         "1200",
                         {},
                         "Bytes of the largest IP packet that passes.",
                         false},
                        {"to",
                         ParameterType::text_list,
                         false,
                         "",
                         {},
                         "Hosts on the other side of the hole; left out: everybody.",
                         true},
                        {"direction",
                         ParameterType::text,
                         false,
                         "both",
                         {"both", "in", "out"},
                         "Which way large packets vanish, as the targets see it.",
                         false}};
  }

  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    const std::int64_t size = given.integer("size");
    if (size < least_size || size > most_size)
      throw Error(
          fmt::format("mtu: parameter 'size' must be from {} to {} bytes", least_size, most_size));
    const std::string direction = given.text("direction");
    const std::vector<std::string> to = given.texts("to");
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_targets(info_, targets, stack)) {
      const StackHosts peers = peers_of(info_, *host, to, stack);
      const auto addresses = addresses_of(peers, stack);
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = {{"size", size},
                              {"direction", direction},
                              {"everybody", to.empty()},
                              {"peers", json::array(addresses.begin(), addresses.end())}};
      placement.effect = fmt::format(
          "drops packets above {} bytes {} {} on {}, without ICMP", size,
          direction == "in"    ? "from"
          : direction == "out" ? "to"
                               : "from and to",
          to.empty() ? std::string("everybody") : fmt::format("{}", fmt::join(to, ", ")),
          host->name);
      placement.undo = "the kernel removes the nftables table when the agent lets go of it";
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    MtuHole hole;
    hole.size = static_cast<int>(reader.integer_or("size", 1200, least_size, most_size));
    const std::string direction = reader.text_or("direction", "both");
    if (direction != "both" && direction != "in" && direction != "out")
      reader.refuse("direction", "must be 'both', 'in' or 'out'");
    hole.in = direction != "out";
    hole.out = direction != "in";
    const bool everybody = reader.boolean_or("everybody", false);
    std::vector<std::string> peers = reader.texts_or_none("peers");
    reader.done();
    for (const std::string& peer : peers) {
      in_addr parsed{};
      if (::inet_pton(AF_INET, peer.c_str(), &parsed) != 1)
        reader.refuse("peers", fmt::format("has '{}', which is no IPv4 address", peer));
    }
    if (!everybody && peers.empty())
      reader.refuse("peers", "must not be empty unless 'everybody' is true");
    if (!everybody) hole.addresses = peers;
    return std::make_unique<Mtu>(std::move(hole), std::move(peers));
  }

 private:
  spec::KindInfo info_;
};

}  // namespace

std::string mtu_rules(const MtuHole& hole, const std::string& table,
                      const std::vector<NetworkDevice>& devices) {
  std::string text = fmt::format("table {} {} {{\n  flags owner\n", family, table);
  for (const bool in : {true, false}) {
    if (in ? !hole.in : !hole.out) continue;
    for (const NetworkDevice& device : devices)
      text += fmt::format(
          "  chain {}_{} {{\n    type filter hook {} device {} priority {}; policy accept;\n{}  "
          "}}\n",
          in ? "in" : "out", device.index, in ? "ingress" : "egress",
          quoted_device(kind_name, device.name), first_priority, rules_one_way(hole, in));
  }
  return text + "}\n";
}

std::unique_ptr<kinds::FaultKind> make_mtu() {
  return std::make_unique<MtuKind>();
}

}  // namespace nospof::faults
