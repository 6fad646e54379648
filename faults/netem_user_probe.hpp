#pragma once
// A packet of our own for a netem rule to take, when nobody else sends any.

#include "faults/netem_scope.hpp"

namespace nospof::faults {

/// Sends one packet that the scope takes to one of its peers or neighbours, without waiting: an
/// ICMP echo request, or a TCP segment that belongs to no connection, from the first of the ports.
/// Both make the other end answer, so that there is something incoming too, unless a firewall drops
/// it. `number` chooses the host and tells packets apart. Returns false when there is nobody to
/// ask, or no way that does not reach an application (UDP). Errors are none of the network's:
/// nothing is thrown for a packet that can't be sent.
bool send_netem_probe(const NetemScope& scope, std::uint32_t number);

}  // namespace nospof::faults
