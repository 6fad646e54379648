#include "faults/cut_rules.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <net/if_arp.h>
#include <netinet/in.h>

#include "system/check.hpp"
#include "system/nft_writer.hpp"

namespace nospof::faults {

namespace {

using Ranges = std::vector<std::pair<std::string, std::string>>;

/// One comparison of a rule: part of the packet, or what is known about it, is within a range.
struct Comparison {
  enum class Of { meta, link, network, transport };
  Of of = Of::meta;
  std::uint32_t at = 0;  ///< which meta datum, or the offset in that header
  NftKeyType type = nft_protocol;
  Ranges ranges;  ///< both ends included
};
/// All of them are true of a packet that the rule drops.
using Match = std::vector<Comparison>;

template <typename Value>
std::string bytes(const Value& value) {
  return std::string(nft_bytes(value));
}

Ranges single(std::vector<std::string> values) {
  Ranges ranges;
  for (std::string& value : values) ranges.emplace_back(value, value);
  return ranges;
}

Comparison ether_types(const std::vector<std::uint16_t>& types) {
  std::vector<std::string> values;
  for (const std::uint16_t type : types) values.push_back(bytes(htons(type)));
  return {Comparison::Of::meta, NFT_META_PROTOCOL, nft_ether_type, single(std::move(values))};
}

Comparison protocols(const std::vector<std::uint8_t>& numbers) {
  std::vector<std::string> values;
  for (const std::uint8_t number : numbers) values.push_back(bytes(number));
  return {Comparison::Of::meta, NFT_META_L4PROTO, nft_protocol, single(std::move(values))};
}

Comparison addresses(const std::vector<Peer>& peers, std::uint32_t offset) {
  std::vector<std::string> values;
  for (const Peer& peer : peers) {
    in_addr address{};
    if (::inet_pton(AF_INET, peer.address.c_str(), &address) != 1)
      throw Error(fmt::format("partition: peer address '{}' is no IPv4 address", peer.address));
    values.push_back(bytes(address));
  }
  return {Comparison::Of::network, offset, nft_ipv4_address, single(std::move(values))};
}

// "02:00:c6:12:00:0b", which has been checked.
std::string mac_bytes(std::string_view text) {
  std::string value;
  for (std::size_t i = 0; i + 1 < text.size(); i += 3) {
    unsigned byte = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    value.push_back(static_cast<char>(byte));
  }
  return value;
}

// Ways to know a peer: by its IPv4 address and by its hardware address, which also tells the
// traffic of a VIP that it holds, broadcasts and IPv6.
std::vector<Match> peer_matches(const std::vector<Peer>& peers, bool in) {
  std::vector<Match> matches{{ether_types({ETH_P_IP}), addresses(peers, in ? 12 : 16)}};
  std::vector<std::string> macs;
  for (const Peer& peer : peers)
    if (!peer.mac.empty()) macs.push_back(mac_bytes(peer.mac));
  const std::uint16_t ethernet = ARPHRD_ETHER;
  const NftKeyType device_type{.number = 0, .size = sizeof ethernet, .big_endian = false};
  if (!macs.empty())
    matches.push_back(
        {{Comparison::Of::meta, NFT_META_IIFTYPE, device_type, single({bytes(ethernet)})},
         {Comparison::Of::link, in ? 6U : 0U, nft_ether_address, single(std::move(macs))}});
  return matches;
}

// Sorted, and those that follow each other made one.
Ranges port_ranges(std::vector<PortRange> ports) {
  std::ranges::sort(ports, {}, &PortRange::first);
  std::vector<PortRange> joined;
  for (const PortRange& range : ports)
    if (!joined.empty() && joined.back().last + 1 >= range.first)
      joined.back().last = std::max(joined.back().last, range.last);
    else
      joined.push_back(range);
  Ranges ranges;
  for (const PortRange& range : joined)
    ranges.emplace_back(bytes(htons(static_cast<std::uint16_t>(range.first))),
                        bytes(htons(static_cast<std::uint16_t>(range.last))));
  return ranges;
}

std::vector<Match> narrowing(const Cut& cut) {
  Match protocol;
  if (cut.protocol == "icmp")
    protocol = {protocols({IPPROTO_ICMP, IPPROTO_ICMPV6})};
  else if (cut.protocol == "tcp")
    protocol = {protocols({IPPROTO_TCP})};
  else if (cut.protocol == "udp")
    protocol = {protocols({IPPROTO_UDP})};
  else if (!cut.ports.empty())
    protocol = {protocols({IPPROTO_TCP, IPPROTO_UDP})};
  if (cut.ports.empty()) return {protocol};
  std::vector<Match> matches;
  for (const std::uint32_t offset : {0U, 2U}) {
    matches.push_back(protocol);
    matches.back().push_back({Comparison::Of::transport, offset, nft_port, port_ranges(cut.ports)});
  }
  return matches;
}

std::vector<Match> matches_of(const Cut& cut, bool in) {
  if (cut.everybody && !cut.narrow()) return {{}};
  std::vector<Match> matches;
  const std::vector<Match> ends = cut.everybody
                                      ? std::vector<Match>{{ether_types({ETH_P_IP, ETH_P_IPV6})}}
                                      : peer_matches(cut.peers, in);
  for (const Match& end : ends)
    for (const Match& narrow : narrowing(cut)) {
      matches.push_back(end);
      matches.back().insert(matches.back().end(), narrow.begin(), narrow.end());
    }
  // Sender and target of ARP for IPv4 on Ethernet.
  if (!cut.narrow())
    matches.push_back({ether_types({ETH_P_ARP}), addresses(cut.peers, in ? 14 : 24)});
  return matches;
}

std::string chain_name(const NetworkDevice& device, bool in) {
  return fmt::format("{}_{}", in ? "in" : "out", device.index);
}

void add_rule(NftWriter& nft, const std::string& chain, const Match& match) {
  std::vector<std::uint32_t> sets;
  for (const Comparison& each : match) {
    const bool apart = std::ranges::all_of(
        each.ranges, [](const auto& range) { return range.first == range.second; });
    std::vector<std::string> keys;
    for (const auto& range : each.ranges) keys.push_back(range.first);
    sets.push_back(!apart                    ? nft.add_ranges(each.type, each.ranges)
                   : each.ranges.size() == 1 ? 0
                                             : nft.add_set(each.type, keys));
  }
  nft.add_rule(chain, [&] {
    for (std::size_t i = 0; i < match.size(); ++i) {
      const Comparison& each = match[i];
      switch (each.of) {
        case Comparison::Of::meta:
          nft.load_meta(each.at);
          break;
        case Comparison::Of::link:
          nft.load_payload(NFT_PAYLOAD_LL_HEADER, each.at, each.type.size);
          break;
        case Comparison::Of::network:
          nft.load_payload(NFT_PAYLOAD_NETWORK_HEADER, each.at, each.type.size);
          break;
        case Comparison::Of::transport:
          nft.load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, each.at, each.type.size);
          break;
      }
      if (sets[i] == 0)
        nft.compare(each.ranges.front().first);
      else
        nft.among(sets[i]);
    }
    nft.counter();
    nft.verdict(NF_DROP);
  });
}

}  // namespace

NetfilterMessages cut_rules(const Cut& cut, const std::string& table,
                            const std::vector<NetworkDevice>& devices) {
  NftWriter nft(NFPROTO_NETDEV, table);
  nft.add_table(NFT_TABLE_F_OWNER);
  for (const bool in : {true, false}) {
    if (in ? !cut.in : !cut.out) continue;
    const std::vector<Match> matches = matches_of(cut, in);
    for (const NetworkDevice& device : devices) {
      const std::string chain = chain_name(device, in);
      nft.add_base_chain(
          chain, {.number = static_cast<std::uint32_t>(in ? NF_NETDEV_INGRESS : NF_NETDEV_EGRESS),
                  .priority = static_cast<std::int32_t>(first_priority),
                  .device = device.name});
      for (const Match& match : matches) add_rule(nft, chain, match);
    }
  }
  return nft.take();
}

}  // namespace nospof::faults
