#include "probes/tls_connection.hpp"

#include <array>
#include <cerrno>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace nospof::probes {

TlsConnection::TlsConnection(const TlsContext& context, int fd) : context_(context) {
  socket_.fd = fd;
}

TlsConnection::~TlsConnection() {
  SSL_free(ssl_);
}

void TlsConnection::ask(std::string_view request) {
  unsent_ = request;
  sent_before_request_ = socket_.sent_bytes;
  answer_.clear();
  if (phase_ == Phase::resting) phase_ = Phase::asking;
}

TlsConnection::Wants TlsConnection::advance() {
  ERR_clear_error();
  for (;;) {
    const Phase before = phase_;
    Wants wants = Wants::nothing;
    switch (phase_) {
      case Phase::connecting:
        wants = finish_connect();
        break;
      case Phase::handshaking:
        wants = handshake();
        break;
      case Phase::asking:
        wants = send_request();
        break;
      case Phase::answering:
        wants = receive_answer();
        break;
      case Phase::resting:
        wants = rest();
        break;
      case Phase::over:
        return Wants::nothing;
    }
    // An answer is handed out before anything behind it is looked at.
    if (phase_ == before || phase_ == Phase::over || phase_ == Phase::resting) return wants;
  }
}

TlsConnection::Wants TlsConnection::finish_connect() {
  int error_number = 0;
  socklen_t length = sizeof error_number;
  ::getsockopt(socket_.fd, SOL_SOCKET, SO_ERROR, &error_number, &length);
  if (error_number != 0) return fail(connect_failure(error_number));
  ssl_ = SSL_new(context_.context_);
  BIO* bio = ssl_ != nullptr ? make_socket_bio(socket_) : nullptr;
  if (bio == nullptr) return fail({kinds::Outcome::local_error, ENOMEM});
  SSL_set_bio(ssl_, bio, bio);
  if (!context_.server_name_.empty()) SSL_set_tlsext_host_name(ssl_, context_.server_name_.c_str());
  SSL_set_connect_state(ssl_);
  phase_ = Phase::handshaking;
  return Wants::write;
}

TlsConnection::Wants TlsConnection::handshake() {
  const int rc = SSL_do_handshake(ssl_);
  if (rc != 1) return wait_or_fail(rc);
  sent_before_request_ = socket_.sent_bytes;
  phase_ = Phase::asking;
  return Wants::write;
}

TlsConnection::Wants TlsConnection::send_request() {
  while (!unsent_.empty()) {
    std::size_t sent = 0;
    const int rc = SSL_write_ex(ssl_, unsent_.data(), unsent_.size(), &sent);
    if (rc != 1) return wait_or_fail(rc);
    unsent_.remove_prefix(sent);
  }
  phase_ = Phase::answering;
  return Wants::read;
}

TlsConnection::Wants TlsConnection::receive_answer() {
  std::array<char, 16384> block;  // not filled with zeros: it is read into
  for (;;) {
    std::size_t size = 0;
    const int rc = SSL_read_ex(ssl_, block.data(), block.size(), &size);
    if (rc != 1) return wait_or_fail(rc);
    switch (answer_.feed({block.data(), size})) {
      case HttpResponse::State::incomplete:
        break;
      case HttpResponse::State::complete:
        phase_ = Phase::resting;
        return Wants::read;
      case HttpResponse::State::malformed:
        return fail({kinds::Outcome::http_malformed, 0});
      case HttpResponse::State::too_large:
        return fail({kinds::Outcome::http_malformed, EMSGSIZE});
    }
  }
}

// Nothing may come now except what belongs to TLS itself and the end.
TlsConnection::Wants TlsConnection::rest() {
  char byte = 0;
  std::size_t size = 0;
  const int rc = SSL_read_ex(ssl_, &byte, 1, &size);
  if (rc == 1) return fail({kinds::Outcome::http_malformed, 0});
  return wait_or_fail(rc);
}

TlsConnection::Wants TlsConnection::fail(Failure failure) {
  failure_ = failure;
  phase_ = Phase::over;
  return Wants::nothing;
}

TlsConnection::Wants TlsConnection::wait_or_fail(int rc) {
  const int error = SSL_get_error(ssl_, rc);
  if (error == SSL_ERROR_WANT_READ) return Wants::read;
  if (error == SSL_ERROR_WANT_WRITE) return Wants::write;
  orderly_end_ = error == SSL_ERROR_ZERO_RETURN;
  if (orderly_end_ && phase_ == Phase::answering &&
      answer_.finish() == HttpResponse::State::complete) {
    phase_ = Phase::resting;
    return Wants::read;
  }
  return fail(classify(error));
}

Failure TlsConnection::classify(int ssl_error) const {
  const long verified = SSL_get_verify_result(ssl_);
  if (phase_ == Phase::handshaking && verified != X509_V_OK) return verify_failure(verified);
  if (ssl_error == SSL_ERROR_ZERO_RETURN) return early_end_failure(true, answer_.begun());
  if (socket_.error_number != 0) return stream_failure(socket_.error_number);
  if (socket_.ended) return early_end_failure(false, answer_.begun());
  return {kinds::Outcome::tls_handshake,
          static_cast<std::uint16_t>(ERR_GET_REASON(ERR_peek_error()))};
}

bool TlsConnection::still_open() {
  char byte = 0;
  const ssize_t n = ::recv(socket_.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  advance();
  return resting();
}

bool TlsConnection::closed_before_request() const {
  // After a FIN the kernel reports EPIPE where it would report ECONNRESET without one.
  if (!orderly_end_ && !socket_.ended && socket_.error_number != EPIPE) return false;
  if (answer_.begun()) return false;
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(socket_.fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0) return false;
  // One more than the bytes before the request may be acknowledged: the SYN counts as one.
  return info.tcpi_bytes_acked <= sent_before_request_ + 1;
}

void TlsConnection::say_goodbye() {
  if (ssl_ == nullptr || SSL_is_init_finished(ssl_) == 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace nospof::probes
