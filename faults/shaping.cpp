#include "faults/shaping.hpp"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include "faults/shaping_snapshot.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr std::size_t most_filters = 1024;
// Marks of our filters begin so: with them one fault knows another one's.
constexpr std::uint32_t mark_prefix = 0x4e6f0000U;
constexpr std::uint32_t mark_mask = 0xFFFF0000U;
// Of root qdiscs' handles the kernel gives out those from 8000 on by itself.
constexpr std::uint32_t first_handle = 0x40000000U;
constexpr std::uint32_t last_handle = 0x7FFF0000U;
// Before any filter whose priority the kernel or tc chose. Even ones say that the clsact qdisc was
// there before us. Each hook has its own: u32 filters of one priority are listed at both.
constexpr std::uint16_t priority_ingress = 1;
constexpr std::uint16_t priority_egress = 3;

const QdiscInfo* root_of(const DeviceState& device) {
  for (const QdiscInfo& qdisc : device.qdiscs)
    if (qdisc.parent == tc_root) return &qdisc;
  return nullptr;
}

// The qdisc that the ingress and egress hooks belong to: clsact, or its older form, ingress.
const QdiscInfo* hooks_of(const DeviceState& device) {
  for (const QdiscInfo& qdisc : device.qdiscs)
    if (qdisc.parent == tc_clsact) return &qdisc;
  return nullptr;
}

// Whether the root is what the kernel put there by itself: such ones have no handle.
bool has_default_root(const DeviceState& device) {
  const QdiscInfo* root = root_of(device);
  return root == nullptr || root->handle == 0;
}

void refuse_filters(const std::string& kind, const DeviceState& device, const char* hook,
                    const std::vector<FilterInfo>& filters) {
  if (filters.empty()) return;
  if (std::ranges::any_of(filters, is_own_filter))
    throw Error(
        fmt::format("{}: another fault of nospof is in force at the {} hook of device {}; ask for "
                    "both in one fault, or one after the other",
                    kind, hook, device.link.name));
  throw Error(
      fmt::format("{}: device {} has filters of its own at its {} hook (tc filter show dev {} {}), "
                  "which packets that come back from the fault's device would pass by; with them "
                  "the fault can't work in this direction",
                  kind, device.link.name, hook, device.link.name, hook));
}

// Whether the clsact qdisc is there because of a fault of this program, or will be.
bool clsact_is_ours(const DeviceState& device) {
  if (hooks_of(device) == nullptr) return true;
  const auto says_so = [](const FilterInfo& filter) {
    return is_own_filter(filter) && filter.priority % 2 == 1;
  };
  return std::ranges::any_of(device.ingress, says_so) ||
         std::ranges::any_of(device.egress, says_so);
}

Attachment attach_at_hook(const std::string& kind, const DeviceState& device, bool outgoing,
                          std::uint32_t random) {
  const QdiscInfo* hooks = hooks_of(device);
  if (outgoing && hooks != nullptr && hooks->kind != "clsact")
    throw Error(
        fmt::format("{}: device {} has a qdisc '{}' where clsact is needed for its outgoing "
                    "traffic; replace it by clsact, which does the same and more",
                    kind, device.link.name, hooks->kind));
  refuse_filters(kind, device, outgoing ? "egress" : "ingress",
                 outgoing ? device.egress : device.ingress);
  Attachment at;
  at.way = outgoing ? Attachment::Way::egress : Attachment::Way::ingress;
  at.device = device.link.name;
  at.index = device.link.index;
  at.mark = mark_prefix | (random & 0xFFFFU);
  at.own_clsact = clsact_is_ours(device);
  at.priority = outgoing ? priority_egress : priority_ingress;
  if (!at.own_clsact) ++at.priority;
  at.ifb = fmt::format("{}{:08x}", own_ifb_prefix, random);
  return at;
}

Attachment attach_at_root(const DeviceState& device, std::uint32_t random) {
  Attachment at;
  at.way = Attachment::Way::root;
  at.device = device.link.name;
  at.index = device.link.index;
  at.handle = first_handle | ((random & 0x3FFFU) << 16U);
  return at;
}

PacketBits address_bits(const std::string& address, bool destination) {
  in_addr parsed{};
  if (::inet_pton(AF_INET, address.c_str(), &parsed) != 1)
    throw Error(fmt::format("'{}' is no IPv4 address", address));
  return {ntohl(parsed.s_addr), 0xFFFFFFFFU, destination ? 16 : 12};
}

PacketBits protocol_bits(std::uint8_t number) {
  return {static_cast<std::uint32_t>(number) << 16U, 0x00FF0000U, 8};
}

using Filters = std::vector<std::vector<PacketBits>>;

// Every filter, once for each of the alternatives.
Filters each_with(const Filters& filters, const Filters& alternatives) {
  Filters all;
  for (const auto& filter : filters)
    for (const auto& alternative : alternatives) {
      all.push_back(filter);
      all.back().insert(all.back().end(), alternative.begin(), alternative.end());
    }
  return all;
}

}  // namespace

bool is_own_filter(const FilterInfo& filter) {
  return (filter.class_id & mark_mask) == mark_prefix;
}

bool is_own_root(const QdiscInfo& qdisc) {
  return qdisc.parent == tc_root && qdisc.handle >= first_handle && qdisc.handle <= last_handle &&
         (qdisc.kind == "netem" || qdisc.kind == "tbf");
}

bool carries_host_traffic(const LinkInfo& link) {
  static constexpr std::array upper = {"ifb",     "bridge", "bond",   "team",      "vlan",
                                       "macvlan", "ipvlan", "vxlan",  "geneve",    "gre",
                                       "ipip",    "sit",    "ip6tnl", "wireguard", "dummy"};
  if (!link.up || link.name == "lo") return false;
  if (link.kind == "veth" && link.master != 0) return false;
  return std::ranges::find(upper, link.kind) == upper.end();
}

bool is_narrowed(const NetemScope& scope) {
  return !scope.peers.empty() || !scope.ports.empty() ||
         scope.protocol != NetemScope::Protocol::any;
}

std::vector<Attachment> plan_attachments(const std::string& kind, const NetemScope& scope,
                                         const std::vector<DeviceState>& devices,
                                         std::uint32_t random) {
  const bool out = scope.direction != NetemScope::Direction::ingress;
  const bool in = scope.direction != NetemScope::Direction::egress;
  std::vector<Attachment> list;
  for (const DeviceState& device : devices) {
    if (!carries_host_traffic(device.link)) continue;
    const bool at_root = out && !is_narrowed(scope) && has_default_root(device);
    if (at_root) list.push_back(attach_at_root(device, random++));
    if (out && !at_root) list.push_back(attach_at_hook(kind, device, true, random++));
    if (in) list.push_back(attach_at_hook(kind, device, false, random++));
  }
  if (list.empty())
    throw Error(
        fmt::format("{}: the host has no network device that is up besides lo, so it has no "
                    "traffic to act on",
                    kind));
  return list;
}

Filters scope_filters(const std::string& kind, const NetemScope& scope, bool outgoing) {
  Filters filters = {{}};
  if (!scope.peers.empty()) {
    Filters peers;
    for (const std::string& address : scope.peers)
      peers.push_back({address_bits(address, outgoing)});
    filters = each_with(filters, peers);
  }
  using Protocol = NetemScope::Protocol;
  if (scope.protocol == Protocol::icmp)
    filters = each_with(filters, {{protocol_bits(IPPROTO_ICMP)}});
  Filters transport;
  const bool any_port = scope.protocol == Protocol::any && !scope.ports.empty();
  if (scope.protocol == Protocol::tcp || any_port)
    transport.push_back({protocol_bits(IPPROTO_TCP)});
  if (scope.protocol == Protocol::udp || any_port)
    transport.push_back({protocol_bits(IPPROTO_UDP)});
  if (!transport.empty()) filters = each_with(filters, transport);
  if (!scope.ports.empty()) {
    // A header without options and no later fragment: then ports stand at byte 20.
    const PacketBits plain{0x45000000U, 0xFF000000U, 0};
    const PacketBits first{0, 0x00001FFFU, 4};
    Filters ports;
    for (const std::uint16_t port : scope.ports) {
      const std::uint32_t number = port;
      ports.push_back({plain, first, {number << 16U, 0xFFFF0000U, 20}});
      ports.push_back({plain, first, {number, 0x0000FFFFU, 20}});
    }
    filters = each_with(filters, ports);
  }
  if (filters.size() > most_filters)
    throw Error(
        fmt::format("{}: {} filters would be needed for these peers and ports; at most {} "
                    "can be used: name fewer",
                    kind, filters.size(), most_filters));
  // A filter must compare something; this is true of every packet.
  for (auto& filter : filters)
    if (filter.empty()) filter.push_back({0, 0, 0});
  return filters;
}

}  // namespace nospof::faults
