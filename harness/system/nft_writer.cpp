#include "system/nft_writer.hpp"

#include <algorithm>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

namespace nospof {

namespace {

// The kernel puts a number in the place of %d.
constexpr std::string_view nameless_set = "__set%d";
// The length of an attribute has 16 bits.
constexpr std::size_t elements_at_once = 1000;
constexpr std::uint8_t user_data_byte_order = 0;

// What nft(8) keeps with a set for itself.
std::string byte_order_note(const NftKeyType& type) {
  const std::uint32_t order = type.big_endian ? 2 : 1;
  std::string note{static_cast<char>(user_data_byte_order), static_cast<char>(sizeof order)};
  return note.append(nft_bytes(order));
}

// The number behind it; empty behind the highest one.
std::string next_key(std::string key) {
  for (std::size_t i = key.size(); i-- > 0;)
    if (++key[i] != '\0') return key;
  return {};
}

}  // namespace

void NftWriter::command(unsigned number, unsigned flags) {
  commands_.begin(NFNL_SUBSYS_NFTABLES, number, family_, flags);
}

void NftWriter::add_table(std::uint32_t flags) {
  command(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
  commands_.text(NFTA_TABLE_NAME, table_);
  commands_.number32(NFTA_TABLE_FLAGS, flags);
}

void NftWriter::delete_table() {
  command(NFT_MSG_DELTABLE, 0);
  commands_.text(NFTA_TABLE_NAME, table_);
}

void NftWriter::add_chain(std::string_view name) {
  command(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  commands_.text(NFTA_CHAIN_TABLE, table_);
  commands_.text(NFTA_CHAIN_NAME, name);
}

void NftWriter::add_base_chain(std::string_view name, const NftHook& hook) {
  add_chain(name);
  commands_.nest(NFTA_CHAIN_HOOK);
  commands_.number32(NFTA_HOOK_HOOKNUM, hook.number);
  commands_.number32(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(hook.priority));
  if (!hook.device.empty()) commands_.text(NFTA_HOOK_DEV, hook.device);
  commands_.end();
  commands_.text(NFTA_CHAIN_TYPE, "filter");
  commands_.number32(NFTA_CHAIN_POLICY, NF_ACCEPT);
}

void NftWriter::empty_chain(std::string_view name) {
  command(NFT_MSG_DELRULE, 0);
  commands_.text(NFTA_RULE_TABLE, table_);
  commands_.text(NFTA_RULE_CHAIN, name);
}

std::uint32_t NftWriter::add_set(const NftKeyType& type, const std::vector<std::string>& keys) {
  std::vector<Element> elements;
  for (const std::string& key : keys) elements.push_back({key});
  return add_elements(type, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT, elements);
}

std::uint32_t NftWriter::add_ranges(
    const NftKeyType& type, const std::vector<std::pair<std::string, std::string>>& ranges) {
  // The kernel knows beginnings and ends; what lies before the first one begins with an end.
  std::vector<Element> elements;
  const std::string lowest(type.size, '\0');
  if (!ranges.empty() && ranges.front().first != lowest) elements.push_back({lowest, true});
  for (const auto& [first, last] : ranges) {
    elements.push_back({first});
    if (std::string behind = next_key(last); !behind.empty())
      elements.push_back({std::move(behind), true});
  }
  return add_elements(type, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_INTERVAL, elements);
}

std::uint32_t NftWriter::add_elements(const NftKeyType& type, std::uint32_t flags,
                                      const std::vector<Element>& elements) {
  const std::uint32_t set = ++last_set_;
  command(NFT_MSG_NEWSET, NLM_F_CREATE);
  commands_.text(NFTA_SET_TABLE, table_);
  commands_.text(NFTA_SET_NAME, nameless_set);
  commands_.number32(NFTA_SET_FLAGS, flags);
  commands_.number32(NFTA_SET_KEY_TYPE, type.number);
  commands_.number32(NFTA_SET_KEY_LEN, type.size);
  commands_.number32(NFTA_SET_ID, set);
  commands_.nest(NFTA_SET_DESC);
  commands_.number32(NFTA_SET_DESC_SIZE, static_cast<std::uint32_t>(elements.size()));
  commands_.end();
  commands_.attribute(NFTA_SET_USERDATA, byte_order_note(type));
  for (std::size_t begin = 0; begin < elements.size(); begin += elements_at_once) {
    command(NFT_MSG_NEWSETELEM, NLM_F_CREATE);
    commands_.text(NFTA_SET_ELEM_LIST_TABLE, table_);
    commands_.text(NFTA_SET_ELEM_LIST_SET, nameless_set);
    commands_.number32(NFTA_SET_ELEM_LIST_SET_ID, set);
    commands_.nest(NFTA_SET_ELEM_LIST_ELEMENTS);
    const std::size_t end = std::min(begin + elements_at_once, elements.size());
    for (std::size_t i = begin; i < end; ++i) {
      commands_.nest(NFTA_LIST_ELEM);
      if (elements[i].ends_range)
        commands_.number32(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
      data(NFTA_SET_ELEM_KEY, elements[i].key);
      commands_.end();
    }
    commands_.end();
  }
  return set;
}

void NftWriter::load_meta(std::uint32_t key, std::uint32_t into) {
  expression("meta", [&](NetfilterMessages& fields) {
    fields.number32(NFTA_META_DREG, into);
    fields.number32(NFTA_META_KEY, key);
  });
}

void NftWriter::load_payload(std::uint32_t base, std::uint32_t offset, std::size_t size) {
  expression("payload", [&](NetfilterMessages& fields) {
    fields.number32(NFTA_PAYLOAD_DREG, NFT_REG_1);
    fields.number32(NFTA_PAYLOAD_BASE, base);
    fields.number32(NFTA_PAYLOAD_OFFSET, offset);
    fields.number32(NFTA_PAYLOAD_LEN, static_cast<std::uint32_t>(size));
  });
}

void NftWriter::compare(std::string_view value, std::uint32_t how) {
  expression("cmp", [&](NetfilterMessages& fields) {
    fields.number32(NFTA_CMP_SREG, NFT_REG_1);
    fields.number32(NFTA_CMP_OP, how);
    data(NFTA_CMP_DATA, value);
  });
}

void NftWriter::among(std::uint32_t set) {
  expression("lookup", [&](NetfilterMessages& fields) {
    fields.text(NFTA_LOOKUP_SET, nameless_set);
    fields.number32(NFTA_LOOKUP_SREG, NFT_REG_1);
    fields.number32(NFTA_LOOKUP_SET_ID, set);
  });
}

void NftWriter::meta(std::uint32_t key, std::string_view value) {
  load_meta(key);
  compare(value);
}

void NftWriter::payload(std::uint32_t base, std::uint32_t offset, std::string_view value) {
  load_payload(base, offset, value.size());
  compare(value);
}

void NftWriter::counter() {
  expression("counter", [](NetfilterMessages&) {});
}

void NftWriter::verdict(std::int32_t code, std::string_view to) {
  expression("immediate", [&](NetfilterMessages& fields) {
    fields.number32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    fields.nest(NFTA_IMMEDIATE_DATA);
    fields.nest(NFTA_DATA_VERDICT);
    fields.number32(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(code));
    if (!to.empty()) fields.text(NFTA_VERDICT_CHAIN, to);
    fields.end();
    fields.end();
  });
}

void NftWriter::data(std::uint16_t type, std::string_view value) {
  commands_.nest(type);
  commands_.attribute(NFTA_DATA_VALUE, value);
  commands_.end();
}

NetfilterMessages NftWriter::take() {
  commands_.acknowledge_last();
  return std::move(commands_);
}

}  // namespace nospof
