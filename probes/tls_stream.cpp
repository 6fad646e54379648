#include <openssl/err.h>
#include <openssl/ssl.h>

#include "probes/stream.hpp"
#include "probes/tls_sessions.hpp"
#include "system/socket_bio.hpp"

namespace nospof::probes {

namespace {
// What SSL_get_error() tells depends on it. Clearing what is empty takes longer than to look.
void forget_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}
// OpenSSL has two buffers of 16 KiB for each connection. To get them anew for every record takes
// time, to keep them takes memory.
constexpr std::size_t streams_that_keep_buffers = 256;
}  // namespace

class TlsStream final : public Stream {
 public:
  TlsStream(const TlsContext& context, SocketState& socket)
      : context_(context), socket_(socket), ssl_(SSL_new(context.context_)) {
    ++context_.streams_;
    BIO* bio = ssl_ != nullptr ? make_socket_bio(socket_) : nullptr;
    if (bio == nullptr) return;
    SSL_set_bio(ssl_, bio, bio);
    if (!context.server_name_.empty()) SSL_set_tlsext_host_name(ssl_, context.server_name_.c_str());
    SSL_set_connect_state(ssl_);
    if (context.streams_ > streams_that_keep_buffers) SSL_set_mode(ssl_, SSL_MODE_RELEASE_BUFFERS);
    if (context.sessions_) {
      TlsSessions::set_origin(ssl_, &origin_);
      origin_ =
          context.sessions_->resume(ssl_, std::chrono::steady_clock::now(), SystemClock().wall());
    }
    usable_ = true;
  }
  ~TlsStream() override {
    if (opened_ && context_.sessions_) TlsSessions::leave_resumable(ssl_);
    SSL_free(ssl_);
    --context_.streams_;
  }
  bool usable() const { return usable_; }

  // What ends the handshake leaves together with the request.
  Step open() override {
    if (const SocketStep sent = send_held(socket_); sent != SocketStep::done)
      return sent == SocketStep::again ? Step::wants_write : Step::over;
    forget_errors();
    socket_.holds = true;
    const int rc = SSL_do_handshake(ssl_);
    socket_.holds = false;
    opened_ = rc == 1;
    const Step step = after(rc);
    if (opened_) return step;
    const SocketStep sent = send_held(socket_);
    return step == Step::over || sent == SocketStep::done ? step
           : sent == SocketStep::again                    ? Step::wants_write
                                                          : Step::over;
  }
  Step write(std::string_view data, std::size_t& written) override {
    forget_errors();
    return after(SSL_write_ex(ssl_, data.data(), data.size(), &written));
  }
  Step read(char* data, std::size_t room, std::size_t& size) override {
    forget_errors();
    return after(SSL_read_ex(ssl_, data, room, &size));
  }
  bool pending() const override { return SSL_has_pending(ssl_) == 1; }
  bool orderly_end() const override { return error_ == SSL_ERROR_ZERO_RETURN; }
  Failure failure(bool answer_begun) const override {
    const long verified = SSL_get_verify_result(ssl_);
    if (!opened_ && verified != X509_V_OK) return verify_failure(verified);
    if (orderly_end()) return early_end_failure(true, answer_begun);
    if (socket_.error_number != 0) return stream_failure(socket_.error_number);
    if (socket_.ended) return early_end_failure(false, answer_begun);
    return {kinds::Outcome::tls_handshake, reason_};
  }
  void say_goodbye() override {
    if (SSL_is_init_finished(ssl_) == 0) return;
    forget_errors();
    SSL_shutdown(ssl_);
    forget_errors();
  }

 private:
  Step after(int rc) {
    if (rc == 1) return Step::done;
    error_ = SSL_get_error(ssl_, rc);
    if (error_ == SSL_ERROR_WANT_READ) return Step::wants_read;
    if (error_ == SSL_ERROR_WANT_WRITE) return Step::wants_write;
    reason_ = static_cast<std::uint16_t>(ERR_GET_REASON(ERR_peek_error()));
    return Step::over;
  }

  const TlsContext& context_;
  SocketState& socket_;
  ssl_st* ssl_;
  std::optional<SessionOrigin> origin_;  ///< of the sessions that the server may offer
  bool usable_ = false;
  bool opened_ = false;
  int error_ = SSL_ERROR_NONE;
  std::uint16_t reason_ = 0;
};

std::unique_ptr<Stream> make_tls_stream(const TlsContext& context, SocketState& socket) {
  auto stream = std::make_unique<TlsStream>(context, socket);
  return stream->usable() ? std::move(stream) : nullptr;
}

}  // namespace nospof::probes
