#pragma once
// Packets made by hand for tests, byte by byte.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <arpa/inet.h>

namespace nospof::probes::test {

inline std::string number16(unsigned value) {
  return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)};
}
inline std::string number32(std::uint32_t value) {
  return number16(value >> 16U) + number16(value & 0xffffU);
}
inline std::string address_bytes(int family, const char* text) {
  std::string bytes(family == AF_INET ? 4 : 16, '\0');
  ::inet_pton(family, text, bytes.data());
  return bytes;
}

inline constexpr unsigned syn = 0x02;
inline constexpr unsigned ack = 0x10;

struct TcpHead {
  unsigned from = 43512;
  unsigned to = 8443;
  std::uint32_t sequence = 1000;
  unsigned flags = ack;
};
/// With four bytes of options.
inline std::string tcp(std::string_view payload, TcpHead head = {}) {
  return number16(head.from) + number16(head.to) + number32(head.sequence) + number32(0) +
         std::string(1, '\x60') + std::string(1, static_cast<char>(head.flags)) + number16(500) +
         number32(0) + "\x01\x01\x01\x01" + std::string(payload);
}
inline std::string udp(std::string_view payload, unsigned from = 43512, unsigned to = 514) {
  return number16(from) + number16(to) + number16(static_cast<unsigned>(payload.size()) + 8) +
         number16(0) + std::string(payload);
}

struct Ipv4Head {
  unsigned protocol = 6;
  const char* from = "198.18.0.21";
  const char* to = "198.18.0.31";
  unsigned id = 7;
  unsigned cut = 0;  ///< flags and offset: 0x2000 more follow, and the offset in units of 8 bytes
};
inline std::string ipv4(std::string_view rest, Ipv4Head head = {}) {
  return "\x45" + std::string(1, '\0') + number16(static_cast<unsigned>(rest.size()) + 20) +
         number16(head.id) + number16(head.cut) + "\x40" +
         std::string(1, static_cast<char>(head.protocol)) + number16(0) +
         address_bytes(AF_INET, head.from) + address_bytes(AF_INET, head.to) + std::string(rest);
}
inline std::string ipv6(std::string_view rest, unsigned next = 6, const char* from = "2001:db8::21",
                        const char* to = "2001:db8::31") {
  return "\x60" + std::string(3, '\0') + number16(static_cast<unsigned>(rest.size())) +
         std::string(1, static_cast<char>(next)) + "\x40" + address_bytes(AF_INET6, from) +
         address_bytes(AF_INET6, to) + std::string(rest);
}

/// An Ethernet frame; `tags` stand between the addresses and the type.
inline std::string frame(std::string_view rest, unsigned type = 0x0800,
                         const std::string& tags = {}) {
  return std::string(12, '\x02') + tags + number16(type) + std::string(rest);
}

}  // namespace nospof::probes::test
