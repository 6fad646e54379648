#pragma once
// The bytes of one connection, with TLS or without. Nothing here blocks or waits.

#include <cstddef>
#include <memory>
#include <string_view>

#include "probes/outcomes.hpp"
#include "probes/tls_context.hpp"
#include "system/socket_state.hpp"

namespace nospof::probes {

class Stream {
 public:
  enum class Step { done, wants_read, wants_write, over };

  virtual ~Stream() = default;
  /// What comes before the first byte, once the connection is open.
  virtual Step open() = 0;
  virtual Step write(std::string_view data, std::size_t& written) = 0;
  virtual Step read(char* data, std::size_t room, std::size_t& size) = 0;
  /// Bytes came that read() has not looked at yet, so the descriptor may never be ready for them.
  virtual bool pending() const = 0;
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
