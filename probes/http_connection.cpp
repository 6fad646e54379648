#include "probes/http_connection.hpp"

#include <array>
#include <cerrno>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "probes/endpoint.hpp"

namespace nospof::probes {

HttpConnection::HttpConnection(const TlsContext* context, int fd) : context_(context) {
  socket_.fd = fd;
}

void HttpConnection::ask(std::string_view request) {
  unsent_ = request;
  sent_before_request_ = socket_.sent_bytes;
  answer_.clear();
  if (phase_ == Phase::resting) phase_ = Phase::asking;
}

HttpConnection::Wants HttpConnection::advance() {
  socket_.drained = Drained::no;
  return go();
}

HttpConnection::Wants HttpConnection::begin() {
  socket_.drained = Drained::yes;
  return go();
}

HttpConnection::Wants HttpConnection::go() {
  for (;;) {
    const Phase before = phase_;
    Wants wants = Wants::nothing;
    switch (phase_) {
      case Phase::connecting:
        wants = finish_connect();
        break;
      case Phase::opening:
        wants = open();
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
    // To what was sent just now there can be no answer yet.
    if (phase_ == Phase::answering && !stream_->pending()) return wants;
  }
}

HttpConnection::Wants HttpConnection::finish_connect() {
  if (const int error_number = take_socket_error(socket_.fd); error_number != 0)
    return fail(connect_failure(error_number));
  stream_ = context_ != nullptr ? make_tls_stream(*context_, socket_) : make_plain_stream(socket_);
  if (!stream_) return fail({kinds::Outcome::local_error, ENOMEM});
  phase_ = Phase::opening;
  socket_.drained = Drained::yes;  // the server waits for us; if it does not, we will be told
  return Wants::write;
}

HttpConnection::Wants HttpConnection::open() {
  const Stream::Step step = stream_->open();
  if (step != Stream::Step::done) return wait_or_fail(step);
  sent_before_request_ = socket_.sent_bytes;
  phase_ = Phase::asking;
  return Wants::write;
}

HttpConnection::Wants HttpConnection::send_request() {
  asked_ = true;
  while (!unsent_.empty()) {
    std::size_t sent = 0;
    const Stream::Step step = stream_->write(unsent_, sent);
    if (step != Stream::Step::done) return wait_or_fail(step);
    unsent_.remove_prefix(sent);
  }
  phase_ = Phase::answering;
  return Wants::read;
}

HttpConnection::Wants HttpConnection::receive_answer() {
  std::array<char, 16384> block;  // not filled with zeros: it is read into
  for (;;) {
    std::size_t size = 0;
    const Stream::Step step = stream_->read(block.data(), block.size(), size);
    if (step != Stream::Step::done) return wait_or_fail(step);
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
HttpConnection::Wants HttpConnection::rest() {
  char byte = 0;
  std::size_t size = 0;
  const Stream::Step step = stream_->read(&byte, 1, size);
  if (step == Stream::Step::done) return fail({kinds::Outcome::http_malformed, 0});
  return wait_or_fail(step);
}

HttpConnection::Wants HttpConnection::fail(Failure failure) {
  failure_ = failure;
  phase_ = Phase::over;
  return Wants::nothing;
}

HttpConnection::Wants HttpConnection::wait_or_fail(Stream::Step step) {
  if (step == Stream::Step::wants_read) return Wants::read;
  if (step == Stream::Step::wants_write) return Wants::write;
  orderly_end_ = stream_->orderly_end();
  if (orderly_end_ && phase_ == Phase::answering &&
      answer_.finish() == HttpResponse::State::complete) {
    phase_ = Phase::resting;
    return Wants::read;
  }
  return fail(stream_->failure(answer_.begun()));
}

bool HttpConnection::still_open() {
  char byte = 0;
  const ssize_t n = ::recv(socket_.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  advance();
  return resting();
}

bool HttpConnection::closed_before_request() const {
  // After a FIN the kernel reports EPIPE where it would report ECONNRESET without one.
  if (!orderly_end_ && !socket_.ended && socket_.error_number != EPIPE) return false;
  if (answer_.begun()) return false;
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(socket_.fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0) return false;
  // One more than the bytes before the request may be acknowledged: the SYN counts as one.
  return info.tcpi_bytes_acked <= sent_before_request_ + 1;
}

void HttpConnection::say_goodbye() {
  if (stream_) stream_->say_goodbye();
}

}  // namespace nospof::probes
