#include "system/large_packet.hpp"

#include <cstring>
#include <optional>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "system/arp.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof {

namespace {

constexpr std::uint16_t discard_port = 9;
constexpr int headers = 20 + 8;  // IPv4 and UDP

// As RFC 1071 has it, for an even number of bytes.
std::uint16_t checksum(std::string_view bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    std::uint16_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof word);
    sum += word;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

int mtu_of_device(const std::string& device) {
  const UniqueFd socket(
      check("open a datagram socket", ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  ifreq request{};
  device.copy(request.ifr_name, sizeof request.ifr_name - 1);
  check(fmt::format("read the MTU of {}", device), ::ioctl(socket.get(), SIOCGIFMTU, &request));
  return request.ifr_mtu;
}

// Below the host's own packet filter, which may forbid what is not in its list.
bool send_large_packet(const std::string& address, int size) {
  in_addr peer{};
  if (::inet_pton(AF_INET, address.c_str(), &peer) != 1)
    throw Error(fmt::format("'{}' is no IPv4 address", address));
  const std::optional<EthernetLink> link = link_towards(peer);
  if (!link || size < headers) return false;
  std::string packet(static_cast<std::size_t>(size), '\0');
  iphdr ip{};
  ip.version = 4;
  ip.ihl = sizeof ip / 4;
  ip.tot_len = htons(static_cast<std::uint16_t>(size));
  ip.frag_off = htons(IP_DF);
  ip.ttl = 1;
  ip.protocol = IPPROTO_UDP;
  ip.saddr = link->address.s_addr;
  ip.daddr = peer.s_addr;
  std::memcpy(packet.data(), &ip, sizeof ip);
  ip.check = checksum(std::string_view(packet).substr(0, sizeof ip));
  udphdr udp{};
  udp.source = htons(discard_port);
  udp.dest = htons(discard_port);
  udp.len = htons(static_cast<std::uint16_t>(size - static_cast<int>(sizeof ip)));
  std::memcpy(packet.data(), &ip, sizeof ip);
  std::memcpy(packet.data() + sizeof ip, &udp, sizeof udp);
  sockaddr_ll to = link->hardware;
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETHERTYPE_IP);
  std::memset(to.sll_addr, 0xff, ETH_ALEN);
  const UniqueFd socket(check("open a packet socket",
                              ::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  return ::sendto(socket.get(), packet.data(), packet.size(), 0,
                  reinterpret_cast<const sockaddr*>(&to), sizeof to) >= 0;
}

}  // namespace nospof
