#pragma once
// The TCP connections of the calling thread's network namespace through sock_diag: those that are
// open, by a dump, and those that have just ended, as the kernel tells of each.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "system/fd.hpp"

namespace nospof {

enum class TcpPhase { listening, open, ended };

/// One TCP socket, over IPv4 or IPv6. Addresses are numeric; an IPv4 address inside of an IPv6
/// one (::ffff:198.18.0.1) is given as IPv4.
struct TcpConnection {
  TcpPhase phase = TcpPhase::open;
  std::string local, remote;
  int local_port = 0, remote_port = 0;  ///< the remote one is 0 when it never had any
  std::uint64_t cookie = 0;             ///< tells it from every other socket since boot
  std::uint64_t bytes = 0;   ///< sent and received; the other end's FIN may be one of them
  std::uint64_t cgroup = 0;  ///< id of its cgroup2; 0: not told
  friend bool operator==(const TcpConnection&, const TcpConnection&) = default;
};

/// Reads one message of sock_diag (struct inet_diag_msg and attributes, linux/inet_diag.h).
/// `ended`: it is of one that the kernel tells to be gone, whatever state it was in. Nothing when
/// it is cut off, or of no address family that is known here.
std::optional<TcpConnection> parse_tcp_connection(std::string_view payload, bool ended);

/// Open ones (also those that only the other end has closed) and listening ones. Throws SystemError
/// when the kernel cannot be asked.
std::vector<TcpConnection> tcp_connections();

/// Listens to what the kernel tells of each TCP socket that is gone, in the network namespace that
/// the calling thread is in when this is made. Whatever lasted too short a time to be found by
/// looking is among them.
class EndedConnections {
 public:
  /// Throws SystemError when the kernel does not tell (older than 4.3, or without tcp_diag).
  EndedConnections();

  int fd() const { return socket_.get(); }
  /// What was told since the last call. `lost` becomes true when the kernel had more to tell than
  /// there was room for.
  std::vector<TcpConnection> take(bool& lost);

 private:
  UniqueFd socket_;
};

}  // namespace nospof
