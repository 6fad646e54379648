#pragma once
// nftables commands written as messages: for what must not take the time that reading text takes,
// and for what nft's text has no words for.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "system/netfilter.hpp"

namespace nospof {

/// What the keys of a set are, with the number and the byte order that nft(8) prints them by.
struct NftKeyType {
  std::uint32_t number;
  std::uint32_t size;
  bool big_endian;
};
inline constexpr NftKeyType nft_ipv4_address{7, 4, true};
inline constexpr NftKeyType nft_ether_address{9, 6, true};
inline constexpr NftKeyType nft_ether_type{10, 2, false};
inline constexpr NftKeyType nft_protocol{12, 1, false};
inline constexpr NftKeyType nft_port{13, 2, true};

/// A hook of the kernel that a chain hangs on.
struct NftHook {
  std::uint32_t number = 0;  ///< NF_NETDEV_INGRESS, NF_INET_LOCAL_OUT, ...
  std::int32_t priority = 0;
  std::string_view device = {};  ///< of family netdev only
};

/// The bytes of a value, as a register holds it.
template <typename Value>
std::string_view nft_bytes(const Value& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// Writes the commands of one transaction on one table. Expressions use register 1 unless it is
/// said.
class NftWriter {
 public:
  NftWriter(std::uint8_t family, std::string table) : family_(family), table_(std::move(table)) {}

  /// From now on the table of the same name in that family is meant.
  void in_family(std::uint8_t family) { family_ = family; }
  /// The kernel refuses it when there is one of that name.
  void add_table(std::uint32_t flags);
  void delete_table();
  void add_chain(std::string_view name);
  /// One that accepts what no rule decides.
  void add_base_chain(std::string_view name, const NftHook& hook);
  void empty_chain(std::string_view name);
  /// `expressions` writes them.
  template <typename Expressions>
  void add_rule(std::string_view chain, Expressions expressions) {
    command(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    commands_.text(NFTA_RULE_TABLE, table_);
    commands_.text(NFTA_RULE_CHAIN, chain);
    commands_.nest(NFTA_RULE_EXPRESSIONS);
    expressions();
    commands_.end();
  }
  /// A set without a name, for one rule that is added after it; its number is for among().
  std::uint32_t add_set(const NftKeyType& type, const std::vector<std::string>& keys);
  /// The same of ranges, both ends included, sorted and apart from each other. Keys are big-endian.
  std::uint32_t add_ranges(const NftKeyType& type,
                           const std::vector<std::pair<std::string, std::string>>& ranges);

  template <typename Fields>
  void expression(std::string_view name, Fields fields) {
    commands_.nest(NFTA_LIST_ELEM);
    commands_.text(NFTA_EXPR_NAME, name);
    commands_.nest(NFTA_EXPR_DATA);
    fields(commands_);
    commands_.end();
    commands_.end();
  }
  void load_meta(std::uint32_t key, std::uint32_t into = NFT_REG_1);
  void load_payload(std::uint32_t base, std::uint32_t offset, std::size_t size);
  void compare(std::string_view value, std::uint32_t how = NFT_CMP_EQ);
  void among(std::uint32_t set);
  void meta(std::uint32_t key, std::string_view value);  ///< loads and compares
  void payload(std::uint32_t base, std::uint32_t offset, std::string_view value);
  void counter();
  /// NF_DROP, NF_ACCEPT, NFT_GOTO, ...
  void verdict(std::int32_t code, std::string_view to = {});
  /// A value nested in an attribute of that type.
  void data(std::uint16_t type, std::string_view value);

  /// The commands, of which the last one is to be acknowledged; nothing can be written after.
  NetfilterMessages take();

 private:
  struct Element {
    std::string key;
    bool ends_range = false;
  };
  void command(unsigned number, unsigned flags);
  std::uint32_t add_elements(const NftKeyType& type, std::uint32_t flags,
                             const std::vector<Element>& elements);

  std::uint8_t family_;
  std::string table_;
  std::uint32_t last_set_ = 0;
  NetfilterMessages commands_;
};

}  // namespace nospof
