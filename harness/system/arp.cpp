#include "system/arp.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <sys/socket.h>

#include "system/check.hpp"

namespace nospof {

namespace {

using Addresses = std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)>;

Addresses own_addresses() {
  ifaddrs* first = nullptr;
  check("list network addresses", ::getifaddrs(&first));
  return {first, &::freeifaddrs};
}

in_addr ipv4_of(const sockaddr* address) {
  sockaddr_in v4{};
  std::memcpy(&v4, address, sizeof v4);
  return v4.sin_addr;
}

in_addr parsed(const std::string& address) {
  in_addr peer{};
  if (::inet_pton(AF_INET, address.c_str(), &peer) != 1)
    throw Error(fmt::format("'{}' is no IPv4 address", address));
  return peer;
}

UniqueFd packet_socket(int protocol) {
  return UniqueFd(
      check("open a packet socket", ::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                                             htons(static_cast<std::uint16_t>(protocol)))));
}

ether_arp arp_message(std::uint16_t operation, const MacAddress& from_mac, in_addr from,
                      in_addr to) {
  ether_arp message{};
  message.arp_hrd = htons(ARPHRD_ETHER);
  message.arp_pro = htons(ETHERTYPE_IP);
  message.arp_hln = ETH_ALEN;
  message.arp_pln = sizeof(in_addr);
  message.arp_op = htons(operation);
  std::memcpy(message.arp_sha, from_mac.data(), from_mac.size());
  std::memcpy(message.arp_spa, &from, sizeof from);
  std::memcpy(message.arp_tpa, &to, sizeof to);
  return message;
}

// Returns false when the device has just gone or was set down.
bool broadcast(const UniqueFd& socket, const EthernetLink& link, const ether_arp& message) {
  sockaddr_ll to = link.hardware;
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETHERTYPE_ARP);
  std::memset(to.sll_addr, 0xff, ETH_ALEN);
  const ssize_t sent = ::sendto(socket.get(), &message, sizeof message, 0,
                                reinterpret_cast<const sockaddr*>(&to), sizeof to);
  if (sent < 0 && (errno == ENETDOWN || errno == ENXIO || errno == ENODEV)) return false;
  // A drop on the way out is reported as ENOBUFS or EPERM; the frame has been made and counted.
  if (sent < 0 && errno != ENOBUFS && errno != EPERM && errno != EAGAIN)
    check(fmt::format("send ARP on {}", link.device), sent);
  return true;
}

}  // namespace

std::optional<EthernetLink> link_towards(in_addr peer) {
  const Addresses addresses = own_addresses();
  std::optional<EthernetLink> link;
  for (const ifaddrs* entry = addresses.get(); entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_netmask == nullptr) continue;
    if (entry->ifa_addr->sa_family != AF_INET) continue;
    const bool up = (entry->ifa_flags & IFF_UP) != 0 && (entry->ifa_flags & IFF_LOOPBACK) == 0;
    const in_addr own = ipv4_of(entry->ifa_addr);
    const in_addr mask = ipv4_of(entry->ifa_netmask);
    // A netmask of 32 bits is an address without a link, e.g. a VIP.
    if (!up || mask.s_addr == INADDR_BROADCAST || own.s_addr == peer.s_addr) continue;
    if ((own.s_addr & mask.s_addr) != (peer.s_addr & mask.s_addr)) continue;
    link = EthernetLink{entry->ifa_name, own, {}};
    break;
  }
  if (!link) return std::nullopt;
  for (const ifaddrs* entry = addresses.get(); entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_PACKET) continue;
    if (link->device != entry->ifa_name) continue;
    std::memcpy(&link->hardware, entry->ifa_addr, sizeof link->hardware);
    if (link->hardware.sll_hatype == ARPHRD_ETHER && link->hardware.sll_halen == ETH_ALEN)
      return link;
  }
  return std::nullopt;
}

std::vector<NetworkDevice> devices_but_loopback() {
  const std::unique_ptr<struct if_nameindex, decltype(&::if_freenameindex)> list(
      ::if_nameindex(), &::if_freenameindex);
  if (!list) throw SystemError("list network devices", errno);
  const Addresses addresses = own_addresses();
  std::vector<NetworkDevice> devices;
  for (const struct if_nameindex* entry = list.get(); entry->if_name != nullptr; ++entry) {
    bool loopback = false;
    for (const ifaddrs* known = addresses.get(); known != nullptr; known = known->ifa_next)
      loopback = loopback || (std::strcmp(known->ifa_name, entry->if_name) == 0 &&
                              (known->ifa_flags & IFF_LOOPBACK) != 0);
    if (!loopback)
      devices.push_back(NetworkDevice{entry->if_name, static_cast<int>(entry->if_index)});
  }
  return devices;
}

std::string text_of(const MacAddress& mac) {
  return fmt::format("{:02x}", fmt::join(mac, ":"));
}

MacAddress mac_of(const EthernetLink& link) {
  MacAddress mac{};
  std::memcpy(mac.data(), link.hardware.sll_addr, mac.size());
  return mac;
}

std::optional<MacAddress> who_has(const std::string& address, std::chrono::milliseconds at_most) {
  const in_addr wanted = parsed(address);
  const std::optional<EthernetLink> link = link_towards(wanted);
  if (!link) return std::nullopt;
  const UniqueFd socket = packet_socket(ETHERTYPE_ARP);
  sockaddr_ll here = link->hardware;
  here.sll_family = AF_PACKET;
  here.sll_protocol = htons(ETHERTYPE_ARP);
  check(fmt::format("listen to ARP on {}", link->device),
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here));
  if (!broadcast(socket, *link, arp_message(ARPOP_REQUEST, mac_of(*link), link->address, wanted)))
    return std::nullopt;
  const auto end = std::chrono::steady_clock::now() + at_most;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd entry{socket.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) == 0)
      return std::nullopt;
    ether_arp message{};
    sockaddr_ll from{};
    socklen_t size = sizeof from;
    if (::recvfrom(socket.get(), &message, sizeof message, 0, reinterpret_cast<sockaddr*>(&from),
                   &size) < static_cast<ssize_t>(sizeof message))
      continue;
    if (from.sll_pkttype == PACKET_OUTGOING || message.arp_op != htons(ARPOP_REPLY) ||
        std::memcmp(message.arp_spa, &wanted, sizeof wanted) != 0)
      continue;
    MacAddress mac{};
    std::memcpy(mac.data(), message.arp_sha, mac.size());
    return mac;
  }
}

bool announce_address(const std::string& address, const MacAddress& mac) {
  const in_addr announced = parsed(address);
  const std::optional<EthernetLink> link = link_towards(announced);
  if (!link) return false;
  const UniqueFd socket = packet_socket(0);
  bool sent = true;
  for (const std::uint16_t operation : {std::uint16_t{ARPOP_REQUEST}, std::uint16_t{ARPOP_REPLY}})
    sent = broadcast(socket, *link, arp_message(operation, mac, announced, announced)) && sent;
  return sent;
}

bool send_arp_request(const std::string& address) {
  const in_addr peer = parsed(address);
  const std::optional<EthernetLink> link = link_towards(peer);
  if (!link) return false;
  return broadcast(packet_socket(0), *link,
                   arp_message(ARPOP_REQUEST, mac_of(*link), link->address, peer));
}

}  // namespace nospof
