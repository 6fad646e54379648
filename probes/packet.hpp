#pragma once
// Captured bytes as a TCP or UDP packet: who sent what to whom. Formats: IEEE 802.3 and 802.1Q,
// RFC 791 (IPv4), RFC 8200 (IPv6), RFC 9293 (TCP), RFC 768 (UDP).

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nospof::probes {

/// One end of a conversation.
struct FlowEnd {
  std::array<std::uint8_t, 16> address{};  ///< IPv4 as ::ffff:a.b.c.d
  std::uint16_t port = 0;                  ///< 0: not known, see Fragment
  friend auto operator<=>(const FlowEnd&, const FlowEnd&) = default;
};
/// "198.18.0.21" or "2001:db8::1"
std::string address_text(const FlowEnd& end);
/// "198.18.0.21:8443" or "[2001:db8::1]:8443"; without the port when that is 0.
std::string text_of(const FlowEnd& end);

enum class Transport : std::uint8_t { tcp = 6, udp = 17 };
std::string_view text_of(Transport transport);  ///< "tcp", "udp"

/// What goes from one end to the other.
struct Flow {
  FlowEnd from;
  FlowEnd to;
  Transport transport = Transport::tcp;
  friend auto operator<=>(const Flow&, const Flow&) = default;
};

/// Of a packet that IP cut in pieces.
struct Fragment {
  std::uint32_t id = 0;
  bool first = false;  ///< only this one has the ports
};

struct Packet {
  Flow flow;
  std::string_view payload;               ///< of TCP or UDP, as far as it was captured
  std::optional<std::uint32_t> sequence;  ///< of TCP, of the payload's first byte
  bool syn = false;
  bool ack = false;
  std::optional<Fragment> fragment;
};

/// From an Ethernet frame, also inside VLAN tags. Nothing when it is no TCP or UDP, or when its
/// headers are not whole. The payload points into `frame`.
std::optional<Packet> packet_in_frame(std::string_view frame);
/// From what follows the link's own header; `ethertype` as in host byte order.
std::optional<Packet> packet_in_network_layer(std::string_view bytes, std::uint16_t ethertype);

}  // namespace nospof::probes
