#pragma once
// Which packets a netem fault takes: the same narrowing for both back-ends.

#include <cstdint>
#include <string>
#include <vector>

namespace nospof::faults {

struct NetemScope {
  /// As the host sees its own traffic.
  enum class Direction { egress, ingress, both };
  enum class Protocol { any, tcp, udp, icmp };

  Direction direction = Direction::egress;
  /// IPv4 addresses of the other end; empty: everybody.
  std::vector<std::string> peers;
  /// TCP or UDP ports of either end; empty: all.
  std::vector<std::uint16_t> ports;
  Protocol protocol = Protocol::any;
  /// Narrows nothing: IPv4 addresses of hosts that may be asked for an answer, to have packets to
  /// measure. The peers, or other hosts of the topology.
  std::vector<std::string> neighbours;
};

}  // namespace nospof::faults
