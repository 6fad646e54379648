#include "tests/support/scripted_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/clock.hpp"
#include "tests/support/going_first.hpp"

namespace nospof::test {

namespace {

using namespace std::chrono_literals;

std::int64_t now_ns() {
  return SystemClock().now().time_since_epoch().count();
}

sockaddr* generic(sockaddr_in& address) {
  return reinterpret_cast<sockaddr*>(&address);
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

constexpr int backlog = 4096;

void begin_to_listen(int fd) {
  check("listen", ::listen(fd, backlog));
}

/// Nobody listens any more, and nobody else can take the port meanwhile.
void end_listening(int fd) {
  check("shut a listener down", ::shutdown(fd, SHUT_RDWR));
}

/// A datagram socket that is connected takes nothing from others: for them nobody is there.
void turn_away_datagrams(int fd, bool away) {
  sockaddr_in address = loopback(9);
  if (!away) address.sin_family = AF_UNSPEC;
  check("connect", ::connect(fd, generic(address), sizeof address));
}

std::string part_of(const std::string& head, std::string_view name) {
  const std::size_t at = head.find(name);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size();
  return head.substr(begin, head.find_first_of(" &", begin) - begin);
}

std::string http_bytes(int status, const std::string& body) {
  return fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status,
                     body.size(), body);
}

}  // namespace

std::string behaviour_name(Behaviour behaviour) {
  static constexpr std::array names{"healthy",
                                    "stall",
                                    "refuse",
                                    "reset",
                                    "close-early",
                                    "truncate",
                                    "wrong-body",
                                    "wrong-status",
                                    "lying",
                                    "expired",
                                    "not-yet-valid",
                                    "wrong-name",
                                    "unknown-authority",
                                    "self-signed",
                                    "weak-protocol",
                                    "no-client-certificate"};
  return names.at(static_cast<std::size_t>(behaviour));
}

struct ScriptedServer::Connection {
  UniqueFd fd;
  Behaviour behaviour{};  ///< when it was accepted
  std::unique_ptr<SSL, void (*)(SSL*)> ssl{nullptr, SSL_free};

  std::optional<std::string> read_head() {
    std::string head;
    std::array<char, 4096> block{};
    while (head.find("\r\n\r\n") == std::string::npos) {
      const int n = ssl ? SSL_read(ssl.get(), block.data(), block.size())
                        : static_cast<int>(::recv(fd.get(), block.data(), block.size(), 0));
      if (n <= 0) return std::nullopt;
      head.append(block.data(), static_cast<std::size_t>(n));
    }
    return head;
  }
  void write(std::string_view bytes) {
    if (ssl)
      SSL_write(ssl.get(), bytes.data(), static_cast<int>(bytes.size()));
    else [[maybe_unused]]
      const ssize_t n = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  void reset() const {
    const linger at_once{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  void end_orderly() {
    if (ssl) SSL_shutdown(ssl.get());
    ::shutdown(fd.get(), SHUT_WR);
    wait_for_end();
  }
  void wait_for_end() const {
    std::array<char, 4096> block{};
    while (::recv(fd.get(), block.data(), block.size(), 0) > 0) continue;
  }
};

ScriptedServer::ScriptedServer(Setup setup) : setup_(std::move(setup)) {
  const bool datagrams = setup_.speaks == Speaks::dns;
  const int type = (datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  // Somebody else may take the port between the two.
  for (int left = 20; left >= 0 && !socket_; --left) take_port(type, left > 0);
  if (!datagrams) begin_to_listen(socket_.get());
  wake_ = UniqueFd(check("eventfd", ::eventfd(0, EFD_CLOEXEC)));
  if (setup_.speaks == Speaks::https)
    for (int i = 0; i <= static_cast<int>(Behaviour::no_client_certificate); ++i)
      contexts_[static_cast<Behaviour>(i)] = {make_context(static_cast<Behaviour>(i)),
                                              SSL_CTX_free};
  // Writing to a client that is gone is part of these tests; the threads inherit this mask.
  sigset_t pipe_signal;
  sigset_t before;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  server_ = std::thread([this, datagrams] { datagrams ? serve_datagrams() : accept_all(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// A port that was asked for by its number is kept when the socket is shut down or disconnected.
void ScriptedServer::take_port(int type, bool again) {
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  UniqueFd any(check("socket", ::socket(AF_INET, type, 0)));
  check("bind to 127.0.0.1", ::bind(any.get(), generic(address), length));
  check("getsockname", ::getsockname(any.get(), generic(address), &length));
  any = UniqueFd();
  UniqueFd own(check("socket", ::socket(AF_INET, type, 0)));
  // Who is still connected from before does not keep it from listening again.
  const int reuse = (type & SOCK_STREAM) != 0 ? 1 : 0;
  check("SO_REUSEADDR", ::setsockopt(own.get(), SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse));
  const int bound = ::bind(own.get(), generic(address), length);
  if (bound != 0 && errno == EADDRINUSE && again) return;
  check("bind again", bound);
  port_ = ntohs(address.sin_port);
  socket_ = std::move(own);
}

ScriptedServer::~ScriptedServer() {
  if (script_.joinable()) script_.join();
  ended_ = true;
  {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
    for (const auto& connection : connections_) ::shutdown(connection->fd.get(), SHUT_RDWR);
  }
  const std::uint64_t one = 1;
  write_all(wake_.get(), {reinterpret_cast<const char*>(&one), sizeof one}, "stop event");
  server_.join();
  for (std::thread& thread : threads_) thread.join();
}

ssl_ctx_st* ScriptedServer::make_context(Behaviour behaviour) const {
  const std::string name = "DNS:" + setup_.name;
  Identity identity;
  if (behaviour == Behaviour::expired)
    identity = authority_.issue(name, {-3h, -1h});
  else if (behaviour == Behaviour::not_yet_valid)
    identity = authority_.issue(name, {1h, 3h});
  else if (behaviour == Behaviour::wrong_name)
    identity = authority_.issue("DNS:other.nospof.test");
  else if (behaviour == Behaviour::unknown_authority)
    identity = Authority().issue(name);
  else if (behaviour == Behaviour::self_signed)
    identity = self_signed(name);
  else
    identity = authority_.issue(name);
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate(context, identity.certificate.get());
  SSL_CTX_use_PrivateKey(context, identity.key.get());
  if (behaviour == Behaviour::weak_protocol) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
  } else {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM");
  }
  if (setup_.demands_certificate && behaviour != Behaviour::no_client_certificate) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority_.certificate().get());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

void ScriptedServer::play(std::vector<Step> script) {
  if (script_.joinable()) script_.join();
  script_ = std::thread([this, script = std::move(script)] {
    go_first();
    auto at = std::chrono::steady_clock::now();
    for (const Step& step : script) {
      std::this_thread::sleep_until(at += step.after);
      change(step.behaviour);
    }
  });
}

void ScriptedServer::change(Behaviour to) {
  const std::lock_guard lock(mutex_);
  Change made{to, now_ns(), 0, 0};
  if (to == Behaviour::refuse) {
    if (setup_.speaks == Speaks::dns)
      turn_away_datagrams(socket_.get(), true);
    else
      end_listening(socket_.get());
  } else if (behaviour_ == Behaviour::refuse) {
    if (setup_.speaks == Speaks::dns)
      turn_away_datagrams(socket_.get(), false);
    else
      begin_to_listen(socket_.get());
  }
  behaviour_ = to;
  made.by_ns = now_ns();
  changes_.push_back(made);
  changed_.notify_all();
  const std::uint64_t one = 1;
  write_all(wake_.get(), {reinterpret_cast<const char*>(&one), sizeof one}, "wake event");
}

std::vector<ScriptedServer::Change> ScriptedServer::changes() {
  if (script_.joinable()) script_.join();
  const std::lock_guard lock(mutex_);
  return changes_;
}

Behaviour ScriptedServer::wait_while_stalled() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ended_ || behaviour_ != Behaviour::stall; });
  return behaviour_;
}

void ScriptedServer::note_answer() {
  const std::lock_guard lock(mutex_);
  if (!changes_.empty() && changes_.back().answered_ns == 0) changes_.back().answered_ns = now_ns();
}

void ScriptedServer::accept_all() {
  go_first();
  while (!ended_) {
    std::array<pollfd, 2> polled{{{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    {
      // What has no listener polls as broken.
      const std::lock_guard lock(mutex_);
      if (behaviour_ == Behaviour::refuse) polled[0].fd = -1;
    }
    ::poll(polled.data(), polled.size(), -1);
    std::uint64_t counter = 0;
    if (polled[1].revents != 0) [[maybe_unused]]
      const ssize_t n = ::read(wake_.get(), &counter, sizeof counter);
    if (polled[0].revents == 0 || ended_) continue;
    const std::lock_guard lock(mutex_);
    UniqueFd fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) continue;
    connections_.push_back(std::make_unique<Connection>());
    Connection& connection = *connections_.back();
    connection.fd = std::move(fd);
    connection.behaviour = behaviour_;
    threads_.emplace_back([this, &connection] {
      go_first();
      serve(connection);
      const std::lock_guard closing(mutex_);
      connections_.remove_if([&](const auto& each) { return each.get() == &connection; });
    });
  }
}

void ScriptedServer::serve(Connection& connection) {
  if (connection.behaviour == Behaviour::stall) connection.behaviour = wait_while_stalled();
  if (setup_.speaks == Speaks::https) return serve_tls(connection);
  if (setup_.speaks == Speaks::http) {
    if (const auto head = connection.read_head()) answer_http(connection, *head);
    return;
  }
  switch (connection.behaviour) {
    case Behaviour::reset:
      return connection.reset();
    case Behaviour::close_early:
      return;
    case Behaviour::wrong_body:
      connection.write("421 closing\r\n");
      return connection.end_orderly();
    default:
      note_answer();
      connection.write("220 ready\r\n");
      return connection.end_orderly();
  }
}

void ScriptedServer::serve_tls(Connection& connection) {
  connection.ssl.reset(SSL_new(contexts_.at(connection.behaviour).get()));
  SSL_set_fd(connection.ssl.get(), connection.fd.get());
  if (SSL_accept(connection.ssl.get()) != 1) {
    // The alert is to arrive: bytes that nobody read would turn the end into a reset.
    ::shutdown(connection.fd.get(), SHUT_WR);
    return connection.wait_for_end();
  }
  if (const auto head = connection.read_head()) answer_http(connection, *head);
}

void ScriptedServer::answer_http(Connection& connection, const std::string& head) {
  wait_while_stalled();
  const bool health = head.starts_with("GET /healthz ");
  const std::string body = health        ? std::string("ok")
                           : setup_.body ? setup_.body(head)
                                         : "token " + part_of(head, "v=");
  switch (connection.behaviour) {
    case Behaviour::reset:
      return connection.reset();
    case Behaviour::close_early:
    case Behaviour::truncate: {
      const std::string whole = http_bytes(200, body);
      connection.write(std::string_view(whole).substr(0, whole.size() - 1));
      if (connection.behaviour == Behaviour::close_early) return connection.end_orderly();
      ::shutdown(connection.fd.get(), SHUT_WR);
      return connection.wait_for_end();
    }
    case Behaviour::wrong_body:
      connection.write(http_bytes(200, setup_.wrong_body));
      break;
    case Behaviour::wrong_status:
      connection.write(http_bytes(503, "not now"));
      break;
    case Behaviour::lying:
      connection.write(health ? http_bytes(200, body) : http_bytes(500, "no database"));
      break;
    default:
      note_answer();
      connection.write(http_bytes(200, body));
  }
  connection.end_orderly();
}

void ScriptedServer::serve_datagrams() {
  go_first();
  std::array<char, 1024> block{};
  while (!ended_) {
    std::array<pollfd, 2> polled{{{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    ::poll(polled.data(), polled.size(), -1);
    std::uint64_t counter = 0;
    if (polled[1].revents != 0) [[maybe_unused]]
      const ssize_t n = ::read(wake_.get(), &counter, sizeof counter);
    if (polled[0].revents == 0) continue;
    wait_while_stalled();
    sockaddr_in from{};
    socklen_t length = sizeof from;
    const ssize_t n =
        ::recvfrom(socket_.get(), block.data(), block.size(), 0, generic(from), &length);
    if (n <= 12) continue;
    const std::string reply = dns_answer({block.data(), static_cast<std::size_t>(n)});
    ::sendto(socket_.get(), reply.data(), reply.size(), 0, generic(from), length);
  }
}

std::string ScriptedServer::dns_answer(std::string query) {
  const Behaviour behaviour = wait_while_stalled();
  const int code = behaviour == Behaviour::wrong_status ? 2 : 0;  // SERVFAIL
  query[2] = static_cast<char>(0x81);
  query[3] = static_cast<char>(0x80 | code);
  if (code != 0) return query;
  query[7] = 1;
  if (behaviour == Behaviour::healthy) note_answer();
  return query + std::string("\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x7f\0\0", 15) +
         (behaviour == Behaviour::wrong_body ? '\x08' : '\x07');
}

}  // namespace nospof::test
