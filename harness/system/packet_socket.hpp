#pragma once
// Packet sockets for who looks at a network rather than uses it.

#include "system/fd.hpp"

namespace nospof {

/// A packet socket that takes and sends whole frames (SOCK_RAW) and never blocks. It acts in the
/// network namespace of the calling thread. `protocol`: an ethertype in host byte order; 0:
/// receives nothing before it is bound to one. Throws MissingCapability without CAP_NET_RAW or in a
/// kernel without packet sockets, and SystemError.
UniqueFd open_packet_socket(int protocol);

}  // namespace nospof
