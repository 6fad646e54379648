#include "faults/netem_user_rules.hpp"

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
#include "system/nft_writer.hpp"

namespace nospof::faults {

namespace {

constexpr std::int32_t first_of_all = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t last_of_all = std::numeric_limits<std::int32_t>::max();
constexpr std::uint32_t ip_source = 12;
constexpr std::uint32_t ip_destination = 16;

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
  explicit TableWriter(const NetemRules& rules) : rules_(rules), nft_(NFPROTO_INET, rules.table) {}

  NetfilterMessages add() {
    const auto ways = ways_of(rules_.scope);
    table(NFPROTO_INET, ways, hooks_of(rules_.scope));
    for (const Way* way : ways) nft_.add_rule(way->queue, [&] { into_queue(); });
    for (const Way* way : ways) narrowing_rules(*way);
    for (const Hook& hook : hooks_of(rules_.scope)) entry_rules(hook);
    if (rules_.copy_mark != 0) add_copying();
    return nft_.take();
  }

  NetfilterMessages empty() {
    if (rules_.copy_mark != 0) {
      nft_.in_family(NFPROTO_IPV4);
      nft_.empty_chain(copying.chain);
    }
    nft_.in_family(NFPROTO_INET);
    for (const Hook& hook : hooks_of(rules_.scope)) nft_.empty_chain(hook.chain);
    return nft_.take();
  }

 private:
  void table(std::uint8_t family, const std::vector<const Way*>& ways,
             const std::vector<Hook>& hooks) {
    nft_.in_family(family);
    nft_.add_table(NFT_TABLE_F_OWNER);
    for (const Way* way : ways) {
      nft_.add_chain(way->queue);
      nft_.add_chain(way->narrow);
    }
    for (const Hook& hook : hooks)
      nft_.add_base_chain(hook.chain, {.number = hook.number, .priority = hook.priority});
  }

  void into_queue() {
    nft_.counter();
    nft_.expression("target", [&](NetfilterMessages& fields) {
      // The kernel wants it padded to 8 bytes.
      struct alignas(8) Padded {
        xt_NFQ_info_v3 info;
      } target{};
      target.info.queuenum = rules_.queue;
      target.info.queues_total = 1;
      target.info.flags = NFQ_FLAG_BYPASS;
      fields.text(NFTA_TARGET_NAME, "NFQUEUE");
      fields.number32(NFTA_TARGET_REV, 3);
      fields.attribute(NFTA_TARGET_INFO, nft_bytes(target));
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
    nft_.meta(NFT_META_L4PROTO, nft_bytes(tcp));
    nft_.meta(NFT_META_MARK, nft_bytes(unmarked));
    nft_.load_meta(NFT_META_SKUID);  // ends the rule where there is no socket
    nft_.load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, flags_offset, sizeof none);
    nft_.expression("bitwise", [&](NetfilterMessages& fields) {
      fields.number32(NFTA_BITWISE_SREG, NFT_REG_1);
      fields.number32(NFTA_BITWISE_DREG, NFT_REG_1);
      fields.number32(NFTA_BITWISE_LEN, sizeof none);
      nft_.data(NFTA_BITWISE_MASK, nft_bytes(fin_syn_rst));
      nft_.data(NFTA_BITWISE_XOR, nft_bytes(none));
    });
    nft_.compare(nft_bytes(none));
  }

  void add_copying() {
    table(NFPROTO_IPV4, {&outgoing}, {copying});
    nft_.add_rule(outgoing.queue, [&] {
      nft_.expression("immediate", [&](NetfilterMessages& fields) {
        fields.number32(NFTA_IMMEDIATE_DREG, NFT_REG_1);
        nft_.data(NFTA_IMMEDIATE_DATA, nft_bytes(rules_.copy_mark));
      });
      nft_.expression("meta", [&](NetfilterMessages& fields) {
        fields.number32(NFTA_META_KEY, NFT_META_MARK);
        fields.number32(NFTA_META_SREG, NFT_REG_1);
      });
      nft_.load_meta(NFT_META_OIF, NFT_REG_2);
      nft_.load_payload(NFT_PAYLOAD_NETWORK_HEADER, ip_destination, sizeof(in_addr));
      nft_.expression("dup", [&](NetfilterMessages& fields) {
        fields.number32(NFTA_DUP_SREG_ADDR, NFT_REG_1);
        fields.number32(NFTA_DUP_SREG_DEV, NFT_REG_2);
      });
      into_queue();
    });
    narrowing_rules(outgoing);
    const std::uint16_t loopback = ARPHRD_LOOPBACK;
    nft_.add_rule(copying.chain, [&] {
      nft_.meta(NFT_META_OIFTYPE, nft_bytes(loopback));
      nft_.verdict(NF_ACCEPT);
    });
    for_each_peer(outgoing, [&](const auto& match_peer) {
      nft_.add_rule(copying.chain, [&] {
        segment_of_a_socket();
        match_peer();
        nft_.verdict(NFT_GOTO, outgoing.narrow);
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
        nft_.payload(NFT_PAYLOAD_NETWORK_HEADER, way.out ? ip_destination : ip_source,
                     nft_bytes(address));
      });
    }
  }

  void only_ipv4() {
    const std::uint8_t ipv4 = NFPROTO_IPV4;
    nft_.meta(NFT_META_NFPROTO, nft_bytes(ipv4));
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
    if (protocols.empty()) nft_.add_rule(way.narrow, [&] { nft_.verdict(NFT_GOTO, way.queue); });
    for (const std::uint8_t protocol : protocols) {
      if (rules_.scope.ports.empty())
        nft_.add_rule(way.narrow, [&] {
          nft_.meta(NFT_META_L4PROTO, nft_bytes(protocol));
          nft_.verdict(NFT_GOTO, way.queue);
        });
      for (const std::uint16_t port : rules_.scope.ports)
        for (const std::uint32_t offset : {0U, 2U})
          nft_.add_rule(way.narrow, [&] {
            nft_.meta(NFT_META_L4PROTO, nft_bytes(protocol));
            nft_.payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset, nft_bytes(htons(port)));
            nft_.verdict(NFT_GOTO, way.queue);
          });
    }
  }

  void entry_rules(const Hook& hook) {
    const bool out = hook.way->out;
    const std::uint16_t loopback = ARPHRD_LOOPBACK;
    nft_.add_rule(hook.chain, [&] {
      nft_.meta(out ? NFT_META_OIFTYPE : NFT_META_IIFTYPE, nft_bytes(loopback));
      nft_.verdict(NF_ACCEPT);
    });
    if (out && rules_.own_group != 0)
      nft_.add_rule(hook.chain, [&] {
        nft_.meta(NFT_META_SKGID, nft_bytes(rules_.own_group));
        nft_.verdict(NF_ACCEPT);
      });
    if (hook.number == NF_INET_LOCAL_OUT && rules_.copy_mark != 0) {
      nft_.add_rule(hook.chain, [&] {
        nft_.meta(NFT_META_MARK, nft_bytes(rules_.copy_mark));
        nft_.verdict(NFT_GOTO, hook.way->queue);
      });
      nft_.add_rule(hook.chain, [&] {
        only_ipv4();
        segment_of_a_socket();
        nft_.verdict(NF_ACCEPT);
      });
    }
    for_each_peer(*hook.way, [&](const auto& match_peer) {
      nft_.add_rule(hook.chain, [&] {
        if (rules_.only_ipv4) only_ipv4();
        match_peer();
        nft_.verdict(NFT_GOTO, hook.way->narrow);
      });
    });
  }

  const NetemRules& rules_;
  NftWriter nft_;
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
