#pragma once
// One verified TLS connection that carries HTTP requests one after the other. It never blocks and
// never waits: whoever owns it watches the descriptor and calls advance() when it is ready.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "probes/http_response.hpp"
#include "probes/outcomes.hpp"
#include "system/socket_bio.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace nospof::probes {

/// What all connections of a probe share: trust, the identity to find, the version floor.
class TlsContext {
 public:
  /// `host` is a DNS name, or an address that must then be in the certificate as one.
  /// `authority_file` empty: the system's authorities. Throws Error naming the file.
  TlsContext(const std::string& authority_file, const std::string& host);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsConnection;
  ssl_ctx_st* context_;
  std::string server_name_;  ///< for SNI; empty for an address
};

class TlsConnection {
 public:
  enum class Wants { read, write, nothing };

  /// `fd`: a socket whose connection is being opened, not owned. The context outlives it.
  TlsConnection(const TlsContext& context, int fd);
  ~TlsConnection();
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  /// The next request, as the bytes to send, which must stay until it is answered or over. Only
  /// when newly made, or when resting.
  void ask(std::string_view request);
  /// Goes as far as possible; returns what to wait for. `nothing`: failed, or ended while resting.
  /// The first call belongs after the first wait, which is for writing.
  Wants advance();

  bool connected() const { return phase_ != Phase::connecting; }
  /// The answer is whole; nothing was asked since.
  bool resting() const { return phase_ == Phase::resting; }
  bool over() const { return phase_ == Phase::over; }
  const HttpResponse& answer() const { return answer_; }
  const Failure& failure() const {
    return failure_;
  }  ///< meaningful when over() and was not resting
  /// Looks, without waiting, whether it may be asked again.
  bool still_open();
  /// Whether the peer had closed it in an orderly way before it received the last request.
  bool closed_before_request() const;
  /// Sends a close_notify, if it can be sent at once.
  void say_goodbye();

 private:
  enum class Phase { connecting, handshaking, asking, answering, resting, over };

  Wants finish_connect();
  Wants handshake();
  Wants send_request();
  Wants receive_answer();
  Wants rest();
  Wants fail(Failure failure);
  /// After an SSL call that returned `rc`: what to wait for, or the failure.
  Wants wait_or_fail(int rc);
  Failure classify(int ssl_error) const;

  const TlsContext& context_;
  ssl_st* ssl_ = nullptr;  ///< made once the connection is open
  SocketState socket_;
  Phase phase_ = Phase::connecting;
  std::string_view unsent_;
  std::uint64_t sent_before_request_ = 0;  ///< bytes on the socket
  HttpResponse answer_;
  Failure failure_;
  bool orderly_end_ = false;
};

}  // namespace nospof::probes
