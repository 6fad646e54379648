#include "probes/packet.hpp"

#include <algorithm>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace nospof::probes {

namespace {

constexpr std::size_t ethernet_header = 14;
constexpr std::size_t vlan_tag = 4;
constexpr std::size_t ipv4_header = 20;
constexpr std::size_t ipv6_header = 40;
constexpr std::size_t tcp_header = 20;
constexpr std::size_t udp_header = 8;

constexpr std::uint16_t ethertype_ipv4 = 0x0800;
constexpr std::uint16_t ethertype_ipv6 = 0x86dd;

// More of them stand in no honest packet.
constexpr int most_tags = 4;
constexpr int most_extension_headers = 8;

enum : std::uint8_t {
  next_hop_by_hop = 0,
  next_routing = 43,
  next_fragment = 44,
  next_authentication = 51,
  next_destination_options = 60,
};

// All of these want bytes that are there: the caller has looked at the size.
std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}
std::uint16_t number16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8U | byte_at(bytes, at + 1));
}
std::uint32_t number32(std::string_view bytes, std::size_t at) {
  return std::uint32_t{number16(bytes, at)} << 16U | number16(bytes, at + 2);
}

bool is_vlan(std::uint16_t ethertype) {
  return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

void set_ipv4(FlowEnd& end, std::string_view bytes, std::size_t at) {
  end.address[10] = end.address[11] = 0xff;
  for (std::size_t i = 0; i < 4; ++i) end.address[12 + i] = byte_at(bytes, at + i);
}
void set_ipv6(FlowEnd& end, std::string_view bytes, std::size_t at) {
  for (std::size_t i = 0; i < 16; ++i) end.address[i] = byte_at(bytes, at + i);
}

std::optional<Packet> with_tcp(Packet packet, std::string_view bytes) {
  if (bytes.size() < tcp_header) return std::nullopt;
  const std::size_t header = std::size_t{4} * (byte_at(bytes, 12) >> 4U);
  if (header < tcp_header || header > bytes.size()) return std::nullopt;
  const unsigned flags = byte_at(bytes, 13);
  packet.flow.from.port = number16(bytes, 0);
  packet.flow.to.port = number16(bytes, 2);
  packet.syn = (flags & 0x02U) != 0;
  packet.ack = (flags & 0x10U) != 0;
  // A SYN takes a number of its own, before the bytes that it may carry.
  packet.sequence = number32(bytes, 4) + (packet.syn ? 1U : 0U);
  packet.payload = bytes.substr(header);
  return packet;
}

std::optional<Packet> with_udp(Packet packet, std::string_view bytes) {
  if (bytes.size() < udp_header) return std::nullopt;
  packet.flow.from.port = number16(bytes, 0);
  packet.flow.to.port = number16(bytes, 2);
  const std::size_t length = number16(bytes, 4);
  // Of a first fragment the length is that of the whole; 0 stands for more than fits there.
  const bool shorter = length >= udp_header && length < bytes.size();
  packet.payload = bytes.substr(udp_header, shorter ? length - udp_header : std::string_view::npos);
  return packet;
}

std::optional<Packet> with_transport(Packet packet, std::uint8_t protocol, std::string_view bytes) {
  if (protocol != static_cast<std::uint8_t>(Transport::tcp) &&
      protocol != static_cast<std::uint8_t>(Transport::udp))
    return std::nullopt;
  packet.flow.transport = static_cast<Transport>(protocol);
  if (packet.fragment && !packet.fragment->first) {
    packet.payload = bytes;
    return packet;
  }
  return packet.flow.transport == Transport::tcp ? with_tcp(packet, bytes)
                                                 : with_udp(packet, bytes);
}

std::optional<Packet> ipv4(std::string_view bytes) {
  if (bytes.size() < ipv4_header || byte_at(bytes, 0) >> 4U != 4) return std::nullopt;
  const std::size_t header = std::size_t{4} * (byte_at(bytes, 0) & 0x0fU);
  const std::size_t total = number16(bytes, 2);
  if (header < ipv4_header || header > bytes.size()) return std::nullopt;
  // 0: the kernel has not cut it into packets yet. What follows the packet fills up the frame.
  if (total != 0 && total < header) return std::nullopt;
  if (total != 0) bytes = bytes.substr(0, total);
  Packet packet;
  const unsigned cut = number16(bytes, 6);
  const bool more = (cut & 0x2000U) != 0;
  const bool first = (cut & 0x1fffU) == 0;
  if (more || !first) packet.fragment = Fragment{number16(bytes, 4), first};
  set_ipv4(packet.flow.from, bytes, 12);
  set_ipv4(packet.flow.to, bytes, 16);
  return with_transport(packet, byte_at(bytes, 9), bytes.substr(header));
}

std::optional<Packet> ipv6(std::string_view bytes) {
  if (bytes.size() < ipv6_header || byte_at(bytes, 0) >> 4U != 6) return std::nullopt;
  Packet packet;
  set_ipv6(packet.flow.from, bytes, 8);
  set_ipv6(packet.flow.to, bytes, 24);
  std::uint8_t next = byte_at(bytes, 6);
  const std::size_t length = number16(bytes, 4);
  bytes.remove_prefix(ipv6_header);
  if (length != 0) bytes = bytes.substr(0, length);  // 0: longer than it can say
  for (int i = 0; i < most_extension_headers; ++i) {
    std::size_t size = 8;
    switch (next) {
      case next_hop_by_hop:
      case next_routing:
      case next_destination_options:
        if (bytes.size() < 8) return std::nullopt;
        size = std::size_t{8} * (byte_at(bytes, 1) + 1U);
        break;
      case next_authentication:
        if (bytes.size() < 8) return std::nullopt;
        size = std::size_t{4} * (byte_at(bytes, 1) + 2U);
        break;
      case next_fragment: {
        if (bytes.size() < 8) return std::nullopt;
        const unsigned cut = number16(bytes, 2);
        const bool first = (cut & 0xfff8U) == 0;
        // One that is the whole packet is allowed.
        if (!first || (cut & 1U) != 0) packet.fragment = Fragment{number32(bytes, 4), first};
        break;
      }
      default:
        return with_transport(packet, next, bytes);
    }
    if (size > bytes.size()) return std::nullopt;
    next = byte_at(bytes, 0);
    bytes.remove_prefix(size);
    // The headers behind it stand in the first piece only.
    if (packet.fragment && !packet.fragment->first) return with_transport(packet, next, bytes);
  }
  return std::nullopt;
}

bool is_ipv4(const FlowEnd& end) {
  return std::all_of(end.address.begin(), end.address.begin() + 10,
                     [](std::uint8_t each) { return each == 0; }) &&
         end.address[10] == 0xff && end.address[11] == 0xff;
}

}  // namespace

std::string address_text(const FlowEnd& end) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_ipv4(end))
    ::inet_ntop(AF_INET, end.address.data() + 12, text.data(), text.size());
  else
    ::inet_ntop(AF_INET6, end.address.data(), text.data(), text.size());
  return text.data();
}

std::string text_of(const FlowEnd& end) {
  if (end.port == 0) return address_text(end);
  return fmt::format(fmt::runtime(is_ipv4(end) ? "{}:{}" : "[{}]:{}"), address_text(end), end.port);
}

std::string_view text_of(Transport transport) {
  return transport == Transport::tcp ? "tcp" : "udp";
}

std::optional<Packet> packet_in_frame(std::string_view frame) {
  if (frame.size() < ethernet_header) return std::nullopt;
  std::uint16_t ethertype = number16(frame, 12);
  frame.remove_prefix(ethernet_header);
  for (int i = 0; i < most_tags && is_vlan(ethertype) && frame.size() >= vlan_tag; ++i) {
    ethertype = number16(frame, 2);
    frame.remove_prefix(vlan_tag);
  }
  return packet_in_network_layer(frame, ethertype);
}

std::optional<Packet> packet_in_network_layer(std::string_view bytes, std::uint16_t ethertype) {
  if (ethertype == ethertype_ipv4) return ipv4(bytes);
  if (ethertype == ethertype_ipv6) return ipv6(bytes);
  return std::nullopt;
}

}  // namespace nospof::probes
