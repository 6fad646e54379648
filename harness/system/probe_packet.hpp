#pragma once
// Single packets that make a host's rules show what they do, without a service noticing.

#include <string>

namespace nospof {

/// Sends one TCP segment with nothing but ACK set, which belongs to no connection, to an IPv4
/// address: no program there sees it, its kernel answers with RST. Returns false when it did not
/// leave: a rule of this host dropped it, or there is no route.
bool send_stray_ack(const std::string& address, int port);

/// Sends one ICMP echo request; the kernel there answers. Returns false as above.
bool send_echo_request(const std::string& address);

/// Sends an empty UDP datagram to the discard port of this host over loopback, from a new port each
/// time. Returns false when a rule dropped it on its way out.
bool loopback_takes_new_flow();

}  // namespace nospof
