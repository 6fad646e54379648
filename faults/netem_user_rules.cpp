#include "faults/netem_user_rules.hpp"

#include <array>
#include <limits>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_arp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr std::int32_t first_of_all = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t last_of_all = std::numeric_limits<std::int32_t>::max();
constexpr std::uint32_t ip_source = 12;
constexpr std::uint32_t ip_destination = 16;

template <typename Value>
std::string_view raw(const Value& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// One way of the traffic, as the chains see it.
struct Way {
  bool out;
  std::string_view narrow, queue;  ///< names of its chains
};
constexpr Way outgoing{true, "narrow_out", "queue_out"};
constexpr Way incoming{false, "narrow_in", "queue_in"};

struct Hook {
  std::string_view chain;
  std::uint32_t number;
  const Way* way;
  std::int32_t priority = first_of_all;
};
constexpr Hook copying{"postrouting", NF_INET_POST_ROUTING, &outgoing, last_of_all};

std::vector<Hook> hooks_of(const NetemScope& scope) {
  std::vector<Hook> hooks;
  if (scope.direction != NetemScope::Direction::ingress) {
    hooks.push_back({"output", NF_INET_LOCAL_OUT, &outgoing});
    hooks.push_back({"forward", NF_INET_FORWARD, &outgoing});
  }
  if (scope.direction != NetemScope::Direction::egress)
    hooks.push_back({"prerouting", NF_INET_PRE_ROUTING, &incoming});
  return hooks;
}

std::vector<const Way*> ways_of(const NetemScope& scope) {
  std::vector<const Way*> ways;
  if (scope.direction != NetemScope::Direction::ingress) ways.push_back(&outgoing);
  if (scope.direction != NetemScope::Direction::egress) ways.push_back(&incoming);
  return ways;
}

/// Writes the commands that make up the table.
class TableWriter {
 public:
  explicit TableWriter(const NetemRules& rules) : rules_(rules) {}

  NetfilterMessages add() {
    const auto ways = ways_of(rules_.scope);
    table(NFPROTO_INET, ways, hooks_of(rules_.scope));
    for (const Way* way : ways) rule(way->queue, [&] { into_queue(); });
    for (const Way* way : ways) narrowing_rules(*way);
    for (const Hook& hook : hooks_of(rules_.scope)) entry_rules(hook);
    if (rules_.copy_mark != 0) add_copying();
    commands_.acknowledge_last();
    return std::move(commands_);
  }

  NetfilterMessages empty() {
    if (rules_.copy_mark != 0) {
      family_ = NFPROTO_IPV4;
      empty_chain(copying.chain);
    }
    family_ = NFPROTO_INET;
    for (const Hook& hook : hooks_of(rules_.scope)) empty_chain(hook.chain);
    commands_.acknowledge_last();
    return std::move(commands_);
  }

 private:
  void command(unsigned number, unsigned flags) {
    commands_.begin(NFNL_SUBSYS_NFTABLES, number, family_, flags);
  }

  void table(std::uint8_t family, const std::vector<const Way*>& ways,
             const std::vector<Hook>& hooks) {
    family_ = family;
    command(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
    commands_.text(NFTA_TABLE_NAME, rules_.table);
    commands_.number32(NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
    for (const Way* way : ways) {
      chain(way->queue);
      chain(way->narrow);
    }
    for (const Hook& hook : hooks) base_chain(hook);
  }

  void empty_chain(std::string_view name) {
    command(NFT_MSG_DELRULE, 0);
    commands_.text(NFTA_RULE_TABLE, rules_.table);
    commands_.text(NFTA_RULE_CHAIN, name);
  }

  void chain(std::string_view name) {
    command(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    commands_.text(NFTA_CHAIN_TABLE, rules_.table);
    commands_.text(NFTA_CHAIN_NAME, name);
  }

  void base_chain(const Hook& hook) {
    chain(hook.chain);
    commands_.nest(NFTA_CHAIN_HOOK);
    commands_.number32(NFTA_HOOK_HOOKNUM, hook.number);
    commands_.number32(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(hook.priority));
    commands_.end();
    commands_.text(NFTA_CHAIN_TYPE, "filter");
    commands_.number32(NFTA_CHAIN_POLICY, NF_ACCEPT);
  }

  template <typename Expressions>
  void rule(std::string_view chain_name, Expressions expressions) {
    command(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    commands_.text(NFTA_RULE_TABLE, rules_.table);
    commands_.text(NFTA_RULE_CHAIN, chain_name);
    commands_.nest(NFTA_RULE_EXPRESSIONS);
    expressions();
    commands_.end();
  }

  template <typename Fields>
  void expression(std::string_view name, Fields fields) {
    commands_.nest(NFTA_LIST_ELEM);
    commands_.text(NFTA_EXPR_NAME, name);
    commands_.nest(NFTA_EXPR_DATA);
    fields();
    commands_.end();
    commands_.end();
  }

  void compare(std::string_view value) {
    expression("cmp", [&] {
      commands_.number32(NFTA_CMP_SREG, NFT_REG_1);
      commands_.number32(NFTA_CMP_OP, NFT_CMP_EQ);
      data(NFTA_CMP_DATA, value);
    });
  }

  void load_meta(std::uint32_t key, std::uint32_t into = NFT_REG_1) {
    expression("meta", [&] {
      commands_.number32(NFTA_META_DREG, into);
      commands_.number32(NFTA_META_KEY, key);
    });
  }

  void meta(std::uint32_t key, std::string_view value) {
    load_meta(key);
    compare(value);
  }

  void load_payload(std::uint32_t base, std::uint32_t offset, std::size_t size) {
    expression("payload", [&] {
      commands_.number32(NFTA_PAYLOAD_DREG, NFT_REG_1);
      commands_.number32(NFTA_PAYLOAD_BASE, base);
      commands_.number32(NFTA_PAYLOAD_OFFSET, offset);
      commands_.number32(NFTA_PAYLOAD_LEN, static_cast<std::uint32_t>(size));
    });
  }

  void payload(std::uint32_t base, std::uint32_t offset, std::string_view value) {
    load_payload(base, offset, value.size());
    compare(value);
  }

  void data(std::uint16_t type, std::string_view value) {
    commands_.nest(type);
    commands_.attribute(NFTA_DATA_VALUE, value);
    commands_.end();
  }

  void verdict(std::int32_t code, std::string_view to = {}) {
    expression("immediate", [&] {
      commands_.number32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
      commands_.nest(NFTA_IMMEDIATE_DATA);
      commands_.nest(NFTA_DATA_VERDICT);
      commands_.number32(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(code));
      if (!to.empty()) commands_.text(NFTA_VERDICT_CHAIN, to);
      commands_.end();
      commands_.end();
    });
  }

  void into_queue() {
    expression("counter", [] {});
    expression("target", [&] {
      // The kernel wants it padded to 8 bytes.
      struct alignas(8) Padded {
        xt_NFQ_info_v3 info;
      } target{};
      target.info.queuenum = rules_.queue;
      target.info.queues_total = 1;
      target.info.flags = NFQ_FLAG_BYPASS;
      commands_.text(NFTA_TARGET_NAME, "NFQUEUE");
      commands_.number32(NFTA_TARGET_REV, 3);
      commands_.attribute(NFTA_TARGET_INFO, raw(target));
    });
  }

  // A segment of an established connection that belongs to a socket of this host. Others hold no
  // socket up, or are too few to.
  void segment_of_a_socket() {
    const std::uint8_t tcp = IPPROTO_TCP;
    const std::uint32_t unmarked = 0;
    const std::uint8_t fin_syn_rst = 0x07;
    const std::uint8_t none = 0;
    constexpr std::uint32_t flags_offset = 13;
    meta(NFT_META_L4PROTO, raw(tcp));
    meta(NFT_META_MARK, raw(unmarked));
    load_meta(NFT_META_SKUID);  // ends the rule where there is no socket
    load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, flags_offset, sizeof none);
    expression("bitwise", [&] {
      commands_.number32(NFTA_BITWISE_SREG, NFT_REG_1);
      commands_.number32(NFTA_BITWISE_DREG, NFT_REG_1);
      commands_.number32(NFTA_BITWISE_LEN, sizeof none);
      data(NFTA_BITWISE_MASK, raw(fin_syn_rst));
      data(NFTA_BITWISE_XOR, raw(none));
    });
    compare(raw(none));
  }

  void add_copying() {
    table(NFPROTO_IPV4, {&outgoing}, {copying});
    rule(outgoing.queue, [&] {
      expression("immediate", [&] {
        commands_.number32(NFTA_IMMEDIATE_DREG, NFT_REG_1);
        data(NFTA_IMMEDIATE_DATA, raw(rules_.copy_mark));
      });
      expression("meta", [&] {
        commands_.number32(NFTA_META_KEY, NFT_META_MARK);
        commands_.number32(NFTA_META_SREG, NFT_REG_1);
      });
      load_meta(NFT_META_OIF, NFT_REG_2);
      load_payload(NFT_PAYLOAD_NETWORK_HEADER, ip_destination, sizeof(in_addr));
      expression("dup", [&] {
        commands_.number32(NFTA_DUP_SREG_ADDR, NFT_REG_1);
        commands_.number32(NFTA_DUP_SREG_DEV, NFT_REG_2);
      });
      into_queue();
    });
    narrowing_rules(outgoing);
    const std::uint16_t loopback = ARPHRD_LOOPBACK;
    rule(copying.chain, [&] {
      meta(NFT_META_OIFTYPE, raw(loopback));
      verdict(NF_ACCEPT);
    });
    for_each_peer(outgoing, [&](const auto& match_peer) {
      rule(copying.chain, [&] {
        segment_of_a_socket();
        match_peer();
        verdict(NFT_GOTO, outgoing.narrow);
      });
    });
  }

  // Once with nothing to match when there are none.
  template <typename Visit>
  void for_each_peer(const Way& way, Visit visit) {
    if (rules_.scope.peers.empty()) visit([] {});
    for (const std::string& peer : rules_.scope.peers) {
      in_addr address{};
      if (::inet_pton(AF_INET, peer.c_str(), &address) != 1)
        throw Error(fmt::format("netem: peer '{}' is no IPv4 address", peer));
      visit([&] {
        only_ipv4();
        payload(NFT_PAYLOAD_NETWORK_HEADER, way.out ? ip_destination : ip_source, raw(address));
      });
    }
  }

  void only_ipv4() {
    const std::uint8_t ipv4 = NFPROTO_IPV4;
    meta(NFT_META_NFPROTO, raw(ipv4));
  }

  // Protocol and ports; the chain of those that pass the peers.
  void narrowing_rules(const Way& way) {
    using Protocol = NetemScope::Protocol;
    std::vector<std::uint8_t> protocols;
    switch (rules_.scope.protocol) {
      case Protocol::any:
        if (!rules_.scope.ports.empty()) protocols = {IPPROTO_TCP, IPPROTO_UDP};
        break;
      case Protocol::tcp:
        protocols = {IPPROTO_TCP};
        break;
      case Protocol::udp:
        protocols = {IPPROTO_UDP};
        break;
      case Protocol::icmp:
        protocols = {IPPROTO_ICMP, IPPROTO_ICMPV6};
        break;
    }
    if (protocols.empty()) rule(way.narrow, [&] { verdict(NFT_GOTO, way.queue); });
    for (const std::uint8_t protocol : protocols) {
      if (rules_.scope.ports.empty())
        rule(way.narrow, [&] {
          meta(NFT_META_L4PROTO, raw(protocol));
          verdict(NFT_GOTO, way.queue);
        });
      for (const std::uint16_t port : rules_.scope.ports)
        for (const std::uint32_t offset : {0U, 2U})
          rule(way.narrow, [&] {
            meta(NFT_META_L4PROTO, raw(protocol));
            payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset, raw(htons(port)));
            verdict(NFT_GOTO, way.queue);
          });
    }
  }

  void entry_rules(const Hook& hook) {
    const bool out = hook.way->out;
    const std::uint16_t loopback = ARPHRD_LOOPBACK;
    rule(hook.chain, [&] {
      meta(out ? NFT_META_OIFTYPE : NFT_META_IIFTYPE, raw(loopback));
      verdict(NF_ACCEPT);
    });
    if (out && rules_.own_group != 0)
      rule(hook.chain, [&] {
        meta(NFT_META_SKGID, raw(rules_.own_group));
        verdict(NF_ACCEPT);
      });
    if (hook.number == NF_INET_LOCAL_OUT && rules_.copy_mark != 0) {
      rule(hook.chain, [&] {
        meta(NFT_META_MARK, raw(rules_.copy_mark));
        verdict(NFT_GOTO, hook.way->queue);
      });
      rule(hook.chain, [&] {
        only_ipv4();
        segment_of_a_socket();
        verdict(NF_ACCEPT);
      });
    }
    for_each_peer(*hook.way, [&](const auto& match_peer) {
      rule(hook.chain, [&] {
        if (rules_.only_ipv4) only_ipv4();
        match_peer();
        verdict(NFT_GOTO, hook.way->narrow);
      });
    });
  }

  const NetemRules& rules_;
  std::uint8_t family_ = NFPROTO_INET;
  NetfilterMessages commands_;
};

}  // namespace

void add_netem_table(NetfilterSocket& owner, const NetemRules& rules) {
  owner.transaction(
      fmt::format("add nftables table {} {} with target NFQUEUE", netem_family, rules.table),
      TableWriter(rules).add());
}

void empty_netem_table(NetfilterSocket& owner, const NetemRules& rules) {
  owner.transaction(fmt::format("empty nftables table {} {}", netem_family, rules.table),
                    TableWriter(rules).empty());
}

}  // namespace nospof::faults
