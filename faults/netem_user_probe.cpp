#include "faults/netem_user_probe.hpp"

#include <array>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::faults {

namespace {

constexpr std::uint16_t traceroute_port = 33'434;  // nobody listens there

std::uint32_t sum_of(const std::string& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    std::uint16_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof word);
    sum += word;
  }
  return sum;
}

std::uint16_t checksum(const std::string& even_bytes) {
  std::uint32_t sum = sum_of(even_bytes);
  while (sum >> 16U != 0) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

template <typename Value>
std::string raw(const Value& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string echo_request(std::uint32_t number) {
  icmphdr header{};
  header.type = ICMP_ECHO;
  header.un.echo.id = htons(0x6e6f);
  header.un.echo.sequence = htons(static_cast<std::uint16_t>(number));
  header.checksum = checksum(raw(header));
  return raw(header);
}

std::string stray_segment(std::uint16_t from_port, in_addr from, in_addr to, std::uint32_t number) {
  tcphdr header{};
  header.source = htons(from_port);
  header.dest = htons(static_cast<std::uint16_t>(traceroute_port + number % 100));
  header.seq = htonl(number);
  header.doff = sizeof header / 4;
  header.ack = 1;
  const std::array<std::uint8_t, 4> rest{0, IPPROTO_TCP, 0, sizeof header};
  header.check = checksum(raw(from) + raw(to) + raw(rest) + raw(header));
  return raw(header);
}

}  // namespace

bool send_netem_probe(const NetemScope& scope, std::uint32_t number) {
  const auto& hosts = scope.peers.empty() ? scope.neighbours : scope.peers;
  if (hosts.empty() || scope.protocol == NetemScope::Protocol::udp) return false;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  if (::inet_pton(AF_INET, hosts[number % hosts.size()].c_str(), &to.sin_addr) != 1) return false;
  const bool segment = scope.protocol == NetemScope::Protocol::tcp || !scope.ports.empty();
  const UniqueFd socket(
      check("open a raw socket", ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                                          segment ? IPPROTO_TCP : IPPROTO_ICMP)));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) return false;
  sockaddr_in own{};
  socklen_t size = sizeof own;
  check("getsockname", ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &size));
  const std::string packet =
      segment ? stray_segment(scope.ports.empty() ? traceroute_port : scope.ports.front(),
                              own.sin_addr, to.sin_addr, number)
              : echo_request(number);
  return ::send(socket.get(), packet.data(), packet.size(), MSG_NOSIGNAL) >= 0;
}

}  // namespace nospof::faults
