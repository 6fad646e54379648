#pragma once
// Which TCP connections this process made itself, so that who lists a host's connections can tell
// them from those of the host's services.

#include <sys/socket.h>

#include "system/tcp_connections.hpp"

namespace nospof {

/// From now on note_own_connection() notes. Until then it does nothing and costs nothing, as most
/// processes have nobody who asks.
void follow_own_connections();

/// After connect(2) was called on a TCP socket, whatever has become of it: its local port and where
/// it was to go are noted.
void note_own_connection(int fd, const sockaddr* to, socklen_t length);

/// Whether it was noted. One that has ended is forgotten by that: it is asked for once.
bool take_own_connection(const TcpConnection& connection);

}  // namespace nospof
