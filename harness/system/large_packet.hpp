#pragma once
// Packets of a given size, to see whether they get through.

#include <string>

namespace nospof {

/// The largest IP packet that a network device sends. Throws SystemError naming it.
int mtu_of_device(const std::string& device);

/// Sends one IPv4 datagram, an IP packet of that many bytes for the discard port of an address, on
/// the Ethernet link that the address lies on: below the host's own packet filter, to all stations,
/// with a TTL that no router forwards. Returns false when it can't be sent; never waits.
bool send_large_packet(const std::string& address, int size);

}  // namespace nospof
