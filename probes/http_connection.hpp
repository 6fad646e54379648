#pragma once
// One connection, verified when it is TLS, that carries HTTP requests one after the other. It never
// blocks and never waits: whoever owns it watches the descriptor and calls advance() when it is
// ready.

#include <cstdint>
#include <memory>
#include <string_view>

#include "probes/http_response.hpp"
#include "probes/outcomes.hpp"
#include "probes/stream.hpp"

namespace nospof::probes {

class HttpConnection {
 public:
  enum class Wants { read, write, nothing };

  /// `fd`: a socket whose connection is being opened, not owned. `context` outlives it; nullptr:
  /// without TLS.
  HttpConnection(const TlsContext* context, int fd);
  ~HttpConnection() = default;
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  /// The next request, as the bytes to send, which must stay until it is answered or over. Only
  /// when newly made, or when resting.
  void ask(std::string_view request);
  /// The descriptor is ready: goes as far as possible and returns what to wait for,
  /// level-triggered. `nothing`: failed, or ended while resting. The first call belongs after the
  /// first wait, which is for writing.
  Wants advance();
  /// The same after ask() when it was resting, without waiting first. Does not look whether
  /// anything came meanwhile.
  Wants begin();

  bool connected() const { return phase_ != Phase::connecting; }
  /// Whether anything of a request may have been sent.
  bool asked() const { return asked_; }
  /// The answer is whole; nothing was asked since.
  bool resting() const { return phase_ == Phase::resting; }
  bool over() const { return phase_ == Phase::over; }
  const HttpResponse& answer() const { return answer_; }
  const Failure& failure() const {
    return failure_;
  }  ///< meaningful when over() and was not resting
  /// While resting: something came that may already tell its end. advance() looks at it.
  bool pending() const { return stream_->pending(); }
  /// Looks, without waiting, whether it may be asked again.
  bool still_open();
  /// Whether the peer had closed it in an orderly way before it received the last request.
  bool closed_before_request() const;
  /// Sends a close_notify, if it can be sent at once.
  void say_goodbye();

 private:
  enum class Phase { connecting, opening, asking, answering, resting, over };

  Wants go();
  Wants finish_connect();
  Wants open();
  Wants send_request();
  Wants receive_answer();
  Wants rest();
  Wants fail(Failure failure);
  /// After a step of the stream that is not done: what to wait for, or the failure.
  Wants wait_or_fail(Stream::Step step);

  const TlsContext* context_;
  SocketState socket_;
  std::unique_ptr<Stream> stream_;  ///< made once the connection is open
  Phase phase_ = Phase::connecting;
  std::string_view unsent_;
  std::uint64_t sent_before_request_ = 0;  ///< bytes on the socket
  HttpResponse answer_;
  Failure failure_;
  bool orderly_end_ = false;
  bool asked_ = false;
};

}  // namespace nospof::probes
