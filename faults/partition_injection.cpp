#include "faults/partition_injection.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "faults/cut_rules.hpp"
#include "faults/owned_table.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

// How many neighbours are asked each time the agent wants to know whether the cut bites.
constexpr std::size_t asked_at_once = 3;

class PartitionInjection final : public kinds::Injection {
 public:
  PartitionInjection(Cut cut, OwnedTable table, std::vector<NetworkDevice> devices)
      : cut_(std::move(cut)),
        table_(std::move(table)),
        devices_(std::move(devices)),
        rules_(cut_rules(cut_, table_.name(), devices_)) {}

  std::vector<kinds::UndoRecord> undo() const override { return table_.undo(); }

  // A device that has come since the check is told of by confirm().
  void inject() override { table_.add(rules_); }

  kinds::Confirmation confirm() override {
    NftContext look;
    if (const auto wrong = table_.amiss(look)) return *wrong;
    if (const std::string why = not_first(look); !why.empty()) return {unable, why};
    if (const std::string name = uncovered_device(); !name.empty())
      return {unable, fmt::format("device {} came after the cut and is not covered by it", name)};
    ask_peers();
    return judge(look);
  }

  void release() override { table_.release(); }
  kinds::Confirmation confirm_healed() override { return table_.confirm_healed(); }

 private:
  using enum kinds::Confirmation::Outcome;

  NftTable table() const { return table_.in(std::string(cut_family)); }

  // Empty when all chains are there and nobody else can steal a packet before them.
  std::string not_first(NftContext& look) const {
    std::vector<std::string> hooks;
    if (cut_.in) hooks.emplace_back("ingress");
    if (cut_.out) hooks.emplace_back("egress");
    if (std::string why = table_.not_first(look, hooks); !why.empty()) return why;
    const auto chains = look.base_chains();
    const auto own = static_cast<std::size_t>(std::ranges::count_if(
        chains, [this](const auto& chain) { return chain.table == table(); }));
    const std::size_t expected = devices_.size() * hooks.size();
    if (own != expected)
      return fmt::format("{} of {} chains of table {} are there", own, expected, table_.name());
    return {};
  }

  std::string uncovered_device() const {
    for (const NetworkDevice& device : devices_but_loopback())
      if (std::none_of(devices_.begin(), devices_.end(),
                       [&device](const auto& known) { return known.name == device.name; }))
        return device.name;
    return {};
  }

  // Makes frames that the cut must drop on their way out, or answers that it must drop on their way
  // in. ARP, because the host's own firewall may forbid everything else before it gets to the
  // device.
  void ask_peers() {
    const std::size_t count = std::min(asked_at_once, cut_.peers.size());
    if (cut_.narrow()) provoke(cut_, next_peer_);
    for (std::size_t i = 0; i < count && !cut_.narrow(); ++i)
      send_arp_request(cut_.peers[(next_peer_ + i) % cut_.peers.size()].address);
    next_peer_ += count;
  }

  kinds::Confirmation judge(NftContext& look) const {
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    for (const NftCounter& counter : look.counters(table()))
      (counter.chain.starts_with("in_") ? in : out) += counter.packets;
    std::vector<std::string> names;
    for (const NetworkDevice& device : devices_) names.push_back(device.name);
    const std::string place = fmt::format("table {} with flag owner is first on {}; ",
                                          table_.name(), fmt::join(names, ", "));
    const std::string dropped =
        cut_.in && cut_.out
            ? fmt::format("packets dropped: {} out, {} in", out, in)
            : fmt::format("packets dropped: {} {}", cut_.in ? in : out, cut_.in ? "in" : "out");
    // Of what comes in from a group nothing may arrive: its own hosts drop it as well. Then the
    // rules in their place and the witness connections are what there is to see.
    if (!cut_.out && !cut_.everybody) return {confirmed, place + dropped};
    return {(cut_.out ? out : in) > 0 ? confirmed : not_yet, place + dropped};
  }

  Cut cut_;
  OwnedTable table_;
  std::vector<NetworkDevice> devices_;
  NetfilterMessages rules_;
  std::size_t next_peer_ = 0;
};

}  // namespace

std::unique_ptr<kinds::Injection> Partition::prepare(kinds::HostEnv& env) const {
  std::vector<NetworkDevice> devices = devices_but_loopback();
  if (devices.empty())
    throw Error(fmt::format("partition: host '{}' has no network device, so it is cut off already",
                            env.host));
  OwnedTable table("partition", {std::string(cut_family)});
  require_rules("partition", env.host, cut_rules(cut_, table.name(), {NetworkDevice{"lo", 1}}),
                "are nftables with netdev ingress and egress hooks (Linux 5.16, "
                "CONFIG_NETFILTER_EGRESS) and the table flag owner (5.12)");
  return std::make_unique<PartitionInjection>(cut_, std::move(table), std::move(devices));
}

}  // namespace nospof::faults
