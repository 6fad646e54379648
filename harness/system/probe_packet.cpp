#include "system/probe_packet.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof {

namespace {

constexpr int discard_port = 9;
constexpr std::uint16_t lowest_source_port = 49152;

sockaddr_in ipv4(const std::string& address, int port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1)
    throw Error(fmt::format("'{}' is no IPv4 address", address));
  return to;
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

std::uint16_t random_number() {
  std::uint16_t number = 0;
  check("getrandom", ::getrandom(&number, sizeof number, 0));
  return number;
}

std::uint16_t internet_checksum(const std::vector<unsigned char>& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return htons(static_cast<std::uint16_t>(~sum));
}

template <typename Header>
void append(std::vector<unsigned char>& bytes, const Header& header) {
  const auto* begin = reinterpret_cast<const unsigned char*>(&header);
  bytes.insert(bytes.end(), begin, begin + sizeof header);
}

// Errors that say "this packet could not leave", as against "this attempt is wrong".
bool left(ssize_t sent, const std::string& attempt) {
  if (sent >= 0) return true;
  for (const int expected :
       {EPERM, ENOBUFS, EAGAIN, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EACCES, ECONNREFUSED, EINVAL})
    if (errno == expected) return false;
  throw SystemError(attempt, errno);
}

// The address that packets to `to` leave with; false when there is no way to it.
bool source_towards(const sockaddr_in& to, in_addr& source) {
  const UniqueFd socket(
      check("open a UDP socket", ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  if (::connect(socket.get(), generic(to), sizeof to) != 0) return false;
  sockaddr_in own{};
  socklen_t size = sizeof own;
  check("getsockname", ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &size));
  source = own.sin_addr;
  return true;
}

bool send_raw(int protocol, const std::vector<unsigned char>& packet, sockaddr_in to,
              const std::string& what) {
  const UniqueFd socket(check(
      "open a raw socket", ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)));
  to.sin_port = 0;
  return left(::sendto(socket.get(), packet.data(), packet.size(), 0, generic(to), sizeof to),
              what);
}

}  // namespace

bool send_stray_ack(const std::string& address, int port) {
  const sockaddr_in to = ipv4(address, port);
  in_addr source{};
  if (!source_towards(to, source)) return false;
  tcphdr segment{};
  segment.source = htons(static_cast<std::uint16_t>(random_number() | lowest_source_port));
  segment.dest = to.sin_port;
  segment.seq = random_number();
  segment.ack_seq = random_number();
  segment.doff = sizeof segment / 4;
  segment.ack = 1;
  struct PseudoHeader {
    in_addr source, destination;
    std::uint8_t zero = 0, protocol = IPPROTO_TCP;
    std::uint16_t length = htons(sizeof(tcphdr));
  };
  PseudoHeader pseudo;
  pseudo.source = source;
  pseudo.destination = to.sin_addr;
  std::vector<unsigned char> summed;
  append(summed, pseudo);
  append(summed, segment);
  segment.check = internet_checksum(summed);
  std::vector<unsigned char> packet;
  append(packet, segment);
  return send_raw(IPPROTO_TCP, packet, to, "send a TCP segment to " + address);
}

bool send_echo_request(const std::string& address) {
  icmphdr request{};
  request.type = ICMP_ECHO;
  request.un.echo.id = random_number();
  std::vector<unsigned char> packet;
  append(packet, request);
  request.checksum = internet_checksum(packet);
  packet.clear();
  append(packet, request);
  return send_raw(IPPROTO_ICMP, packet, ipv4(address, 0), "send an echo request to " + address);
}

bool loopback_takes_new_flow() {
  const UniqueFd socket(
      check("open a UDP socket", ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  const sockaddr_in to = ipv4("127.0.0.1", discard_port);
  return left(::sendto(socket.get(), "", 0, 0, generic(to), sizeof to),
              "send a datagram over loopback");
}

}  // namespace nospof
