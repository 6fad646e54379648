#include "system/arp.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <sys/socket.h>

#include "system/check.hpp"
#include "system/fd.hpp"

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

struct Link {
  std::string device;
  in_addr address{};       ///< ours on it
  sockaddr_ll hardware{};  ///< index, type and hardware address
};

// The Ethernet device that is up and whose subnet holds `peer`.
std::optional<Link> link_towards(in_addr peer) {
  const Addresses addresses = own_addresses();
  std::optional<Link> link;
  for (const ifaddrs* entry = addresses.get(); entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_netmask == nullptr) continue;
    if (entry->ifa_addr->sa_family != AF_INET) continue;
    const bool up = (entry->ifa_flags & IFF_UP) != 0 && (entry->ifa_flags & IFF_LOOPBACK) == 0;
    const in_addr own = ipv4_of(entry->ifa_addr);
    const in_addr mask = ipv4_of(entry->ifa_netmask);
    // A netmask of 32 bits is an address without a link, e.g. a VIP.
    if (!up || mask.s_addr == INADDR_BROADCAST || own.s_addr == peer.s_addr) continue;
    if ((own.s_addr & mask.s_addr) != (peer.s_addr & mask.s_addr)) continue;
    link = Link{entry->ifa_name, own, {}};
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

}  // namespace

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

bool send_arp_request(const std::string& address) {
  in_addr peer{};
  if (::inet_pton(AF_INET, address.c_str(), &peer) != 1)
    throw Error(fmt::format("'{}' is no IPv4 address", address));
  const std::optional<Link> link = link_towards(peer);
  if (!link) return false;

  ether_arp request{};
  request.arp_hrd = htons(ARPHRD_ETHER);
  request.arp_pro = htons(ETHERTYPE_IP);
  request.arp_hln = ETH_ALEN;
  request.arp_pln = sizeof(in_addr);
  request.arp_op = htons(ARPOP_REQUEST);
  std::memcpy(request.arp_sha, link->hardware.sll_addr, ETH_ALEN);
  std::memcpy(request.arp_spa, &link->address, sizeof link->address);
  std::memcpy(request.arp_tpa, &peer, sizeof peer);

  const UniqueFd socket(check("open a packet socket",
                              ::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  sockaddr_ll to = link->hardware;
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETHERTYPE_ARP);
  std::memset(to.sll_addr, 0xff, ETH_ALEN);
  const ssize_t sent = ::sendto(socket.get(), &request, sizeof request, 0,
                                reinterpret_cast<const sockaddr*>(&to), sizeof to);
  if (sent < 0 && (errno == ENETDOWN || errno == ENXIO || errno == ENODEV)) return false;
  // A drop on the way out is reported as ENOBUFS or EPERM; the frame has been made and counted.
  if (sent < 0 && errno != ENOBUFS && errno != EPERM && errno != EAGAIN)
    check(fmt::format("send an ARP request for {} on {}", address, link->device), sent);
  return true;
}

}  // namespace nospof
