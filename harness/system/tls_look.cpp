#include "system/tls_look.hpp"

#include <array>
#include <thread>

#include <fmt/format.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/own_connections.hpp"
#include "system/socket_bio.hpp"
#include "system/starttls.hpp"
#include "system/tls_client.hpp"

namespace nospof {

namespace {

using namespace std::chrono_literals;

constexpr auto step = 2ms;
constexpr std::size_t answer_limit = 8192;
// OpenSSL's reasons from here on are alerts that the peer sent.
constexpr int first_alert_reason = SSL_AD_REASON_OFFSET;

using AddressPtr = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

AddressPtr numeric_address(const std::string& address, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    throw Error(fmt::format("'{}' is no IP address", address));
  return {found, ::freeaddrinfo};
}

// Bytes for people: what is no plain letter becomes a dot.
std::string printable(std::string_view bytes) {
  std::string text(bytes);
  for (char& c : text)
    if (c < ' ' || c > '~') c = '.';
  return text;
}

}  // namespace

struct TlsLook::State {
  enum class Stage { connecting, starttls, handshake, asking, reading, renegotiating, ended };

  explicit State(TlsLookAt wanted)
      : at(std::move(wanted)),
        end(std::chrono::steady_clock::now() + tls_look_deadline),
        starttls(at.starttls) {}

  void open(TlsContexts& contexts);
  bool go_on();
  bool connected();
  bool prepared();
  bool is_tls();
  bool shaken();
  bool asked();
  bool read();
  bool renegotiated();
  bool failed(int result);
  bool stream_ended(int error);
  void out_of_time();

  bool go_to(Stage next) {
    stage = next;
    return true;
  }
  bool wait_for(short events) {
    wanted_events = events;
    return false;
  }
  bool end_with(TlsHandshake handshake, std::string failure) {
    shown.handshake = handshake;
    shown.failure = std::move(failure);
    return go_to(Stage::ended);
  }

  TlsLookAt at;
  MonoTime end;
  Starttls starttls;
  Stage stage = Stage::connecting;
  short wanted_events = POLLOUT;
  UniqueFd socket;
  SocketState seen;
  TlsClientPtr ssl;  ///< after `seen`, which its BIO uses
  bool answers_tls = false;
  TlsShown shown;
};

void TlsLook::State::open(TlsContexts& contexts) {
  const AddressPtr to = numeric_address(at.address, at.port);
  ssl = make_tls_client(at, contexts, shown, seen);
  socket.reset(check(
      "socket", ::socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)));
  seen.fd = socket.get();
  if (::connect(socket.get(), to->ai_addr, to->ai_addrlen) != 0 && errno != EINPROGRESS)
    end_with(TlsHandshake::not_connected, SystemError("connect", errno).what());
  else
    note_own_connection(socket.get(), to->ai_addr, to->ai_addrlen);
}

bool TlsLook::State::go_on() {
  switch (stage) {
    case Stage::connecting:
      return connected();
    case Stage::starttls:
      return prepared();
    case Stage::handshake:
      return shaken();
    case Stage::asking:
      return asked();
    case Stage::reading:
      return read();
    case Stage::renegotiating:
      return renegotiated();
    case Stage::ended:
      break;
  }
  return false;
}

bool TlsLook::State::connected() {
  pollfd entry{socket.get(), POLLOUT, 0};
  if (::poll(&entry, 1, 0) <= 0) return wait_for(POLLOUT);
  int failure = 0;
  socklen_t size = sizeof failure;
  check("SO_ERROR", ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &failure, &size));
  if (failure != 0)
    return end_with(TlsHandshake::not_connected, SystemError("connect", failure).what());
  return go_to(Stage::starttls);
}

bool TlsLook::State::prepared() {
  for (;;) {
    if (const std::string request = starttls.take_to_send(); !request.empty())
      if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(request.size()))
        return end_with(TlsHandshake::not_connected, "the server took no request for TLS");
    switch (starttls.state()) {
      case Starttls::State::ready:
        return go_to(Stage::handshake);
      case Starttls::State::not_offered:
        return end_with(TlsHandshake::no_tls, "the server offers no TLS");
      case Starttls::State::turned_away:
        return end_with(TlsHandshake::not_connected, "the server greets with an error");
      case Starttls::State::talking:
        break;
    }
    std::array<char, 512> block{};
    const std::size_t wanted = std::min(starttls.wanted(), block.size());
    const ssize_t n = ::recv(socket.get(), block.data(), wanted, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return wait_for(POLLIN);
    if (n <= 0)
      return end_with(TlsHandshake::not_connected,
                      "the server ended the connection before TLS began");
    starttls.feed({block.data(), static_cast<std::size_t>(n)});
  }
}

// Whether the first byte begins a record of TLS: an alert, or a message of the handshake.
bool TlsLook::State::is_tls() {
  if (answers_tls) return true;
  std::array<char, 40> block{};
  const ssize_t n = ::recv(socket.get(), block.data(), block.size(), MSG_PEEK | MSG_DONTWAIT);
  if (n <= 0) return true;
  answers_tls = block[0] == 0x15 || block[0] == 0x16;
  if (!answers_tls)
    end_with(TlsHandshake::no_tls,
             fmt::format("the server says '{}', which is no TLS",
                         printable({block.data(), static_cast<std::size_t>(n)})));
  return answers_tls;
}

bool TlsLook::State::shaken() {
  if (!is_tls()) return true;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl.get());
  if (result != 1) return failed(result);
  show_session(shown, ssl.get());
  switch (at.then) {
    case TlsThen::leave:
      break;
    case TlsThen::ask:
      return go_to(Stage::asking);
    case TlsThen::renegotiate:
      // TLS 1.3 has none.
      if (SSL_version(ssl.get()) > TLS1_2_VERSION || SSL_renegotiate(ssl.get()) != 1) break;
      return go_to(Stage::renegotiating);
  }
  SSL_shutdown(ssl.get());
  return end_with(TlsHandshake::whole, {});
}

// After an SSL call of the handshake: what to wait for, or how it ended.
bool TlsLook::State::failed(int result) {
  const int error = SSL_get_error(ssl.get(), result);
  if (error == SSL_ERROR_WANT_READ) return wait_for(POLLIN);
  if (error == SSL_ERROR_WANT_WRITE) return wait_for(POLLOUT);
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (seen.error_number != 0)
    return end_with(TlsHandshake::cut, SystemError("TLS handshake", seen.error_number).what());
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) >= first_alert_reason)
    return end_with(TlsHandshake::refused, tls_error_text(code));
  const bool ended = seen.ended || error == SSL_ERROR_ZERO_RETURN;
  return end_with(ended ? TlsHandshake::cut : TlsHandshake::broken, tls_error_text(code));
}

bool TlsLook::State::asked() {
  ERR_clear_error();
  const int result = SSL_write(ssl.get(), at.question.data(), static_cast<int>(at.question.size()));
  if (result > 0) return go_to(Stage::reading);
  return stream_ended(SSL_get_error(ssl.get(), result));
}

bool TlsLook::State::read() {
  std::array<char, 2048> block;  // not filled with zeros: it is read into
  ERR_clear_error();
  const int result = SSL_read(ssl.get(), block.data(), block.size());
  if (result <= 0) return stream_ended(SSL_get_error(ssl.get(), result));
  // How it ends is told by its end alone, however long it is.
  if (shown.answer.size() < answer_limit)
    shown.answer.append(block.data(), static_cast<std::size_t>(result));
  return true;
}

bool TlsLook::State::stream_ended(int error) {
  if (error == SSL_ERROR_WANT_READ) return wait_for(POLLIN);
  if (error == SSL_ERROR_WANT_WRITE) return wait_for(POLLOUT);
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const bool alert = ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) >= first_alert_reason;
  shown.stream = error == SSL_ERROR_ZERO_RETURN ? TlsStream::orderly
                 : alert                        ? TlsStream::alert
                                                : TlsStream::truncated;
  return go_to(Stage::ended);
}

// The server ends it in some way, or goes along.
bool TlsLook::State::renegotiated() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl.get());
  const int error = SSL_get_error(ssl.get(), result);
  if (error == SSL_ERROR_WANT_READ) return wait_for(POLLIN);
  if (error == SSL_ERROR_WANT_WRITE) return wait_for(POLLOUT);
  shown.renegotiated = result == 1;
  ERR_clear_error();
  return go_to(Stage::ended);
}

void TlsLook::State::out_of_time() {
  if (shown.handshake == TlsHandshake::whole) {
    shown.late = true;
    stage = Stage::ended;
  } else {
    end_with(TlsHandshake::no_answer, "no answer within 2 s");
  }
}

TlsLook::TlsLook(TlsLookAt at, TlsContexts& contexts)
    : state_(std::make_unique<State>(std::move(at))) {
  state_->open(contexts);
}
TlsLook::TlsLook(TlsLookAt at) : state_(std::make_unique<State>(std::move(at))) {
  TlsContexts contexts;
  state_->open(contexts);
}
TlsLook::~TlsLook() = default;
TlsLook::TlsLook(TlsLook&&) noexcept = default;
TlsLook& TlsLook::operator=(TlsLook&&) noexcept = default;

int TlsLook::fd() const {
  return state_->socket.get();
}
short TlsLook::events() const {
  return state_->wanted_events;
}
MonoTime TlsLook::deadline() const {
  return state_->end;
}

std::optional<TlsShown> TlsLook::advance() {
  State& state = *state_;
  const auto in_time = [&] { return std::chrono::steady_clock::now() < state.end; };
  while (state.stage != State::Stage::ended && state.go_on() && in_time()) {
  }
  if (state.stage != State::Stage::ended && !in_time()) state.out_of_time();
  if (state.stage != State::Stage::ended) return std::nullopt;
  return state.shown;
}

std::optional<TlsShown> TlsLooks::advance() {
  if (!current_) current_.emplace(at_);
  std::optional<TlsShown> shown = current_->advance();
  if (!shown) {
    pollfd entry{current_->fd(), current_->events(), 0};
    ::poll(&entry, 1, static_cast<int>(step.count()));
    shown = current_->advance();
  }
  if (shown) current_.reset();
  return shown;
}

TlsShown look_at_tls(const TlsLookAt& at) {
  TlsLooks looks(at);
  for (;;)
    if (auto shown = looks.advance()) return *shown;
}

}  // namespace nospof
