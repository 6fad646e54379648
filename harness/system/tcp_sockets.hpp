#pragma once
// The TCP sockets of the calling thread's network namespace, through sock_diag: listing them, and
// ending connections as `ss -K` does.

#include <cstdint>
#include <string>
#include <vector>

namespace nospof {

/// One TCP socket over IPv4, or over IPv6 between IPv4 addresses.
struct TcpSocket {
  int family = 0;             ///< AF_INET or AF_INET6
  std::string local, remote;  ///< IPv4, dotted
  int local_port = 0, remote_port = 0;
  bool listening = false;
  std::uint64_t cookie = 0;  ///< tells it from every other socket since boot
  std::string id;            ///< struct inet_diag_sockid, as the kernel gave it
  friend bool operator==(const TcpSocket&, const TcpSocket&) = default;
};

/// Established and listening ones.
std::vector<TcpSocket> tcp_sockets();

/// Ends a connection: the peer gets a RST, the program here ECONNABORTED. Returns false when it is
/// gone already; throws MissingCapability when the kernel can't (CONFIG_INET_DIAG_DESTROY).
bool destroy_socket(const TcpSocket& socket);

/// Whether the kernel can: tried on a socket of this process's own, in a network namespace of its
/// own.
bool can_destroy_sockets();

}  // namespace nospof
