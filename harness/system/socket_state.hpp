#pragma once
// Sending to and receiving from a socket that does not block, and what was seen of it meanwhile.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace nospof {

/// Whether there may be something to receive before the descriptor is said to be ready again.
enum class Drained {
  unknown,  ///< always look
  no,
  yes,  ///< receive_some() answers `again` by itself
};

/// What was seen of a socket; OpenSSL's own errors do not keep it.
struct SocketState {
  int fd = -1;
  int error_number = 0;
  bool ended = false;  ///< the peer's FIN was read
  std::uint64_t sent_bytes = 0;
  /// For who waits for a stream socket level-triggered: set it to `no` when it is ready, and
  /// receive_some() sets it to `yes` when less came than there was room for.
  Drained drained = Drained::unknown;
  /// What a socket_bio was given to send is kept back while `holds`, and leaves with what is sent
  /// next, or by send_held().
  bool holds = false;
  std::string held;
};

enum class SocketStep { done, again, ended, failed };
/// One send(2) without SIGPIPE, repeated when interrupted; keeps what it saw in `state`.
SocketStep send_some(SocketState& state, std::string_view data, std::size_t& size);
/// Sends what is held and `data` behind it, with one send(2); `size` is how much of `data` was
/// sent. `done` only when some of it was.
SocketStep send_behind_held(SocketState& state, std::string_view data, std::size_t& size);
/// `done`: nothing is held any more.
SocketStep send_held(SocketState& state);
/// One recv(2).
SocketStep receive_some(SocketState& state, char* data, std::size_t room, std::size_t& size);

}  // namespace nospof
