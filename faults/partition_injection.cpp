#include "faults/partition_injection.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <set>
#include <thread>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include "system/check.hpp"
#include "system/nftables.hpp"

namespace nospof::faults {

namespace {

// How many neighbours are asked each time the agent wants to know whether the cut bites.
constexpr std::size_t asked_at_once = 3;

std::string unused_table_name(NftContext& nft) {
  const auto tables = nft.tables();
  for (;;) {
    std::uint32_t number = 0;
    check("getrandom", ::getrandom(&number, sizeof number, 0));
    std::string name = fmt::format("{}{:08x}", cut_table_prefix, number);
    if (std::none_of(tables.begin(), tables.end(),
                     [&name](const NftTable& table) { return table.name == name; }))
      return name;
  }
}

std::string own_rules_of_host() {
  return without_own_tables(NftContext().list_text("ruleset"));
}

// Adds the very rules in a network namespace that exists for this only, so that the host's own is
// not touched by the attempt.
void try_rules_apart(const Cut& cut, const std::string& table) {
  std::exception_ptr failure;
  std::thread([&cut, &table, &failure] {
    try {
      check("unshare a network namespace to try nftables in", ::unshare(CLONE_NEWNET));
      NftContext().run(cut_rules(cut, table, {NetworkDevice{"lo", 1}}));
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

void require_kernel(const Cut& cut, const std::string& table, const std::string& host) {
  try {
    try_rules_apart(cut, table);
  } catch (const std::exception& error) {
    utsname system{};
    ::uname(&system);
    throw Error(
        fmt::format("partition: the kernel of host '{}' (Linux {}) refuses the rules: {}. Needed "
                    "are nftables with "
                    "netdev ingress and egress hooks (Linux 5.16, CONFIG_NETFILTER_EGRESS) and the "
                    "table flag owner "
                    "(5.12), as root",
                    host, system.release, error.what()));
  }
}

std::set<std::string_view> lines_of(std::string_view text) {
  std::set<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.insert(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string first_difference(std::string_view before, std::string_view now) {
  const auto old_lines = lines_of(before);
  const auto new_lines = lines_of(now);
  for (const std::string_view line : new_lines)
    if (!old_lines.contains(line)) return fmt::format("new is '{}'", line);
  for (const std::string_view line : old_lines)
    if (!new_lines.contains(line)) return fmt::format("missing is '{}'", line);
  return "their order or number changed";
}

class PartitionInjection final : public kinds::Injection {
 public:
  PartitionInjection(Cut cut, NftTable table, std::string rules_before)
      : cut_(std::move(cut)), table_(std::move(table)), rules_before_(std::move(rules_before)) {}

  std::vector<kinds::UndoRecord> undo() const override {
    return {{{"op", "nft-owned-table"}, {"family", table_.family}, {"table", table_.name}}};
  }

  // The owner's socket is used for this only; all looks go through others, so that none can disturb
  // it.
  void inject() override {
    if (injected_) throw Error("partition: is in force already, or was");
    injected_ = true;
    devices_ = devices_but_loopback();
    const std::string rules = cut_rules(cut_, table_.name, devices_);
    NftContext owner;
    owner.run(rules);
    owner_ = std::move(owner);
  }

  kinds::Confirmation confirm() override {
    if (!owner_) return {not_yet, "not in force"};
    NftContext look;
    if (!look.has_table(table_)) return {not_yet, fmt::format("table {} is gone", table_.name)};
    const std::string text = look.list_text(fmt::format("table {} {}", table_.family, table_.name));
    if (text.find("flags owner") == std::string::npos)
      return {unable, fmt::format("table {} has lost its flag owner", table_.name)};
    if (const std::string why = not_first(look); !why.empty()) return {unable, why};
    if (const std::string name = uncovered_device(); !name.empty())
      return {unable, fmt::format("device {} came after the cut and is not covered by it", name)};
    ask_peers();
    return judge(look);
  }

  void release() override { owner_.reset(); }

  kinds::Confirmation confirm_healed() override {
    if (NftContext().has_table(table_))
      return {not_yet, fmt::format("table {} {} is still there", table_.family, table_.name)};
    const std::string now = own_rules_of_host();
    if (now != rules_before_)
      return {not_yet, fmt::format("table {} is gone, but the host's rules are not as before: {}",
                                   table_.name, first_difference(rules_before_, now))};
    return {confirmed,
            fmt::format("table {} is gone, the host's rules are as before", table_.name)};
  }

 private:
  using enum kinds::Confirmation::Outcome;

  bool is_ours(const NftTable& table) const {
    return table.family == cut_family && table.name.starts_with(cut_table_prefix);
  }

  // Empty when all chains are there and nobody else can steal a packet before them.
  std::string not_first(NftContext& look) const {
    std::size_t own = 0;
    for (const NftBaseChain& chain : look.base_chains()) {
      if (chain.table == table_) ++own;
      const bool same_hook =
          (cut_.in && chain.hook == "ingress") || (cut_.out && chain.hook == "egress");
      if (!is_ours(chain.table) && same_hook && chain.priority <= cut_priority)
        return fmt::format("chain {} {} {} has the same, first priority at hook {}",
                           chain.table.family, chain.table.name, chain.name, chain.hook);
    }
    const std::size_t expected = devices_.size() * (cut_.in && cut_.out ? 2 : 1);
    if (own != expected)
      return fmt::format("{} of {} chains of table {} are there", own, expected, table_.name);
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
    for (std::size_t i = 0; i < count; ++i)
      send_arp_request(cut_.peers[next_peer_++ % cut_.peers.size()].address);
  }

  kinds::Confirmation judge(NftContext& look) const {
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    for (const NftCounter& counter : look.counters(table_))
      (counter.chain.starts_with("in_") ? in : out) += counter.packets;
    std::vector<std::string> names;
    for (const NetworkDevice& device : devices_) names.push_back(device.name);
    const std::string place = fmt::format("table {} with flag owner is first on {}; ", table_.name,
                                          fmt::join(names, ", "));
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
  NftTable table_;
  std::string rules_before_;
  bool injected_ = false;
  std::vector<NetworkDevice> devices_;
  std::optional<NftContext> owner_;
  std::size_t next_peer_ = 0;
};

}  // namespace

std::unique_ptr<kinds::Injection> Partition::prepare(kinds::HostEnv& env) const {
  if (devices_but_loopback().empty())
    throw Error(fmt::format("partition: host '{}' has no network device, so it is cut off already",
                            env.host));
  NftContext nft;
  const std::string table = unused_table_name(nft);
  require_kernel(cut_, table, env.host);
  return std::make_unique<PartitionInjection>(cut_, NftTable{std::string(cut_family), table},
                                              own_rules_of_host());
}

}  // namespace nospof::faults
