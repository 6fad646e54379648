#pragma once
// Rules that belong to one injection: the kernel removes them when the agent dies.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "kinds/fault.hpp"
#include "system/netfilter.hpp"
#include "system/nftables.hpp"

namespace nospof::faults {

/// Before every other chain, whatever it accepts; the smallest number there is.
inline constexpr long long first_priority = -2147483648LL;

/// A table with the flag `owner`, under the same name in one or more families. Nobody but this
/// object can change it, and the kernel takes it away with it, or with the process. Looks go
/// through sockets of their own, so that none can disturb the owner's.
class OwnedTable {
 public:
  /// Takes a name that is free, and notes the host's rules as they are; changes nothing.
  OwnedTable(std::string kind, std::vector<std::string> families);

  const std::string& name() const { return name_; }
  NftTable in(const std::string& family) const { return {family, name_}; }
  std::vector<kinds::UndoRecord> undo() const;

  /// Adds the rules, all or nothing. Throws when it has been called before. Messages take a
  /// fraction of the time that text takes.
  void add(const std::string& commands);
  void add(const NetfilterMessages& commands);
  bool in_force() const { return owner_.has_value(); }
  /// What is wrong with the tables: not there, without owner; nothing: they stand.
  std::optional<kinds::Confirmation> amiss(NftContext& look) const;
  /// Another chain that may see packets before ours at one of these hooks, as a sentence; empty:
  /// none. Hooks of family `netdev` are "ingress" and "egress".
  std::string not_first(NftContext& look, const std::vector<std::string>& hooks) const;
  /// Deletes the tables, by closing the owner's socket if it must be.
  void release() noexcept;
  /// Gone, and the host's own rules as they were when this was made?
  kinds::Confirmation confirm_healed() const;

 private:
  void begin();
  void delete_tables(NftContext& owner) const;
  void delete_tables(NetfilterSocket& owner) const;

  std::string kind_;
  std::vector<std::string> families_;
  std::string name_;
  std::string rules_before_;
  bool added_ = false;
  using Owner = std::variant<NftContext, NetfilterSocket>;
  std::optional<Owner> owner_;
  /// The owner of tables that are gone. Closing it lasts until every CPU has seen that they are, so
  /// it is done when nobody waits for it.
  std::optional<Owner> spent_;
};

/// Adds the commands in a network namespace that exists for this only. Throws Error that names the
/// kind, the host, the kernel and what is `needed`.
void require_rules(const std::string& kind, const std::string& host, const std::string& commands,
                   const std::string& needed);
void require_rules(const std::string& kind, const std::string& host,
                   const NetfilterMessages& commands, const std::string& needed);

/// "a" -> "a" for nft; throws Error when a device's name can't be quoted.
std::string quoted_device(const std::string& kind, const std::string& device);

}  // namespace nospof::faults
