#pragma once
// The bytes of one connection, with TLS or without. Nothing here blocks or waits.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "probes/outcomes.hpp"
#include "probes/tls_context.hpp"

namespace nospof::probes {

/// What was seen of a socket; OpenSSL's own errors do not keep it.
struct SocketState {
  int fd = -1;
  int error_number = 0;
  bool ended = false;  ///< the peer's FIN was read
  std::uint64_t sent_bytes = 0;
};

enum class SocketStep { done, again, ended, failed };
/// One send(2) without SIGPIPE, repeated when interrupted; keeps what it saw in `state`.
SocketStep send_some(SocketState& state, std::string_view data, std::size_t& size);
/// One recv(2).
SocketStep receive_some(SocketState& state, char* data, std::size_t room, std::size_t& size);

class Stream {
 public:
  enum class Step { done, wants_read, wants_write, over };

  virtual ~Stream() = default;
  /// What comes before the first byte, once the connection is open.
  virtual Step open() = 0;
  virtual Step write(std::string_view data, std::size_t& written) = 0;
  virtual Step read(char* data, std::size_t room, std::size_t& size) = 0;
  /// Of one that is over: the peer said that this was all.
  virtual bool orderly_end() const = 0;
  /// Why it is over; `answer_begun`: at least one byte of an answer was read.
  virtual Failure failure(bool answer_begun) const = 0;
  /// Tells the peer that this is all, if that can be told at once.
  virtual void say_goodbye() = 0;
};

/// `socket` must outlive the stream. Nothing when there is no memory left.
std::unique_ptr<Stream> make_plain_stream(SocketState& socket);
std::unique_ptr<Stream> make_tls_stream(const TlsContext& context, SocketState& socket);

}  // namespace nospof::probes
