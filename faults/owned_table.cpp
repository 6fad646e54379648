#include "faults/owned_table.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/netfilter.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include "system/check.hpp"
#include "system/namespaces.hpp"
#include "system/nft_writer.hpp"
#include "system/ruleset.hpp"

namespace nospof::faults {

namespace {

using enum kinds::Confirmation::Outcome;

std::string unused_name() {
  const auto tables = NftContext().tables();
  for (;;) {
    std::uint32_t number = 0;
    check("getrandom", ::getrandom(&number, sizeof number, 0));
    std::string name = fmt::format("{}{:08x}", own_table_prefix, number);
    if (std::none_of(tables.begin(), tables.end(),
                     [&name](const NftTable& table) { return table.name == name; }))
      return name;
  }
}

std::string rules_of_host() {
  return without_own_tables(NftContext().list_text("ruleset"));
}

// Families whose chains stand at the same hook.
bool same_place(const std::string& family, const std::string& other, const std::string& hook) {
  if (hook == "ingress" || hook == "egress") return other == "netdev" || other == "inet";
  const auto is_ip = [](const std::string& name) {
    return name == "ip" || name == "ip6" || name == "inet";
  };
  return family == other || (is_ip(family) && is_ip(other));
}

std::uint8_t family_number(const std::string& family) {
  static const std::map<std::string, std::uint8_t> numbers = {
      {"ip", NFPROTO_IPV4}, {"ip6", NFPROTO_IPV6},      {"inet", NFPROTO_INET},
      {"arp", NFPROTO_ARP}, {"bridge", NFPROTO_BRIDGE}, {"netdev", NFPROTO_NETDEV}};
  return numbers.at(family);
}

// Tries it in a network namespace that exists for this only.
template <typename Add>
void require(const std::string& kind, const std::string& host, const std::string& needed, Add add) {
  try {
    const UniqueFd apart = create_network_namespace();
    in_namespaces({{apart.get(), CLONE_NEWNET}}, add);
  } catch (const std::exception& error) {
    utsname system{};
    ::uname(&system);
    throw Error(
        fmt::format("{}: the kernel of host '{}' (Linux {}) refuses the rules: {}. "
                    "Needed {}, as root",
                    kind, host, system.release, error.what(), needed));
  }
}

}  // namespace

OwnedTable::OwnedTable(std::string kind, std::vector<std::string> families)
    : kind_(std::move(kind)),
      families_(std::move(families)),
      name_(unused_name()),
      rules_before_(rules_of_host()) {}

std::vector<kinds::UndoRecord> OwnedTable::undo() const {
  std::vector<kinds::UndoRecord> records;
  for (const std::string& family : families_)
    records.push_back({{"op", "nft-owned-table"}, {"family", family}, {"table", name_}});
  return records;
}

void OwnedTable::begin() {
  if (added_) throw Error(fmt::format("{}: is in force already, or was", kind_));
  added_ = true;
}

void OwnedTable::add(const std::string& commands) {
  begin();
  NftContext owner;
  owner.run(commands);
  owner_.emplace(std::move(owner));
}

void OwnedTable::add(const NetfilterMessages& commands) {
  begin();
  NetfilterSocket owner;
  owner.transaction(fmt::format("{}: add nftables table {}", kind_, name_), commands);
  owner_.emplace(std::move(owner));
}

void OwnedTable::release() noexcept {
  try {
    if (owner_) {
      std::visit([this](auto& owner) { delete_tables(owner); }, *owner_);
      spent_ = std::move(owner_);
    }
  } catch (...) {
    // The kernel deletes what is there with the socket.
  }
  owner_.reset();
}

void OwnedTable::delete_tables(NftContext& owner) const {
  std::string commands;
  for (const std::string& family : families_)
    commands += fmt::format("delete table {} {}\n", family, name_);
  owner.run(commands);
}

void OwnedTable::delete_tables(NetfilterSocket& owner) const {
  NftWriter writer(NFPROTO_UNSPEC, name_);
  for (const std::string& family : families_) {
    writer.in_family(family_number(family));
    writer.delete_table();
  }
  owner.transaction(fmt::format("{}: delete nftables table {}", kind_, name_), writer.take());
}

std::optional<kinds::Confirmation> OwnedTable::amiss(NftContext& look) const {
  using kinds::Confirmation;
  if (!owner_) return Confirmation{not_yet, "not in force"};
  for (const std::string& family : families_) {
    if (!look.has_table(in(family)))
      return Confirmation{not_yet, fmt::format("table {} {} is gone", family, name_)};
    const std::string text = look.list_text(fmt::format("table {} {}", family, name_));
    if (text.find("flags owner") == std::string::npos)
      return Confirmation{unable,
                          fmt::format("table {} {} has lost its flag owner", family, name_)};
  }
  return std::nullopt;
}

std::string OwnedTable::not_first(NftContext& look, const std::vector<std::string>& hooks) const {
  for (const NftBaseChain& chain : look.base_chains()) {
    if (is_own_table(chain.table.name)) continue;
    if (chain.priority > first_priority) continue;
    if (std::find(hooks.begin(), hooks.end(), chain.hook) == hooks.end()) continue;
    if (std::none_of(families_.begin(), families_.end(), [&chain](const std::string& family) {
          return same_place(family, chain.table.family, chain.hook);
        }))
      continue;
    return fmt::format("chain {} {} {} has the same, first priority at hook {}", chain.table.family,
                       chain.table.name, chain.name, chain.hook);
  }
  return {};
}

kinds::Confirmation OwnedTable::confirm_healed() const {
  for (const std::string& family : families_)
    if (NftContext().has_table(in(family)))
      return {not_yet, fmt::format("table {} {} is still there", family, name_)};
  const std::string now = rules_of_host();
  if (now != rules_before_)
    return {not_yet, fmt::format("table {} is gone, but the host's rules are not as before: {}",
                                 name_, first_difference(rules_before_, now))};
  return {confirmed, fmt::format("table {} is gone, the host's rules are as before", name_)};
}

void require_rules(const std::string& kind, const std::string& host, const std::string& commands,
                   const std::string& needed) {
  require(kind, host, needed, [&commands] { NftContext().run(commands); });
}

void require_rules(const std::string& kind, const std::string& host,
                   const NetfilterMessages& commands, const std::string& needed) {
  require(kind, host, needed,
          [&commands] { NetfilterSocket().transaction("add nftables rules", commands); });
}

std::string quoted_device(const std::string& kind, const std::string& device) {
  if (device.find_first_of("\"\\\n") != std::string::npos)
    throw Error(
        fmt::format("{}: device '{}' has a name that nft can't take; rename it", kind, device));
  return fmt::format("\"{}\"", device);
}

}  // namespace nospof::faults
