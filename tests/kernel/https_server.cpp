#include "tests/kernel/https_server.hpp"

#include <array>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/check.hpp"

namespace nospof::test {

void Gate::pass() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return open_; });
}
void Gate::set(bool open) {
  const std::lock_guard lock(mutex_);
  open_ = open;
  changed_.notify_all();
}

ServerConnection::ServerConnection(SSL_CTX* context, int fd, int number)
    : ssl_(SSL_new(context)), fd_(fd), number_(number) {
  SSL_set_fd(ssl_, fd);
}

ServerConnection::~ServerConnection() {
  SSL_free(ssl_);
}

bool ServerConnection::handshake() {
  return SSL_accept(ssl_) == 1;
}

bool ServerConnection::shows_certificate() const {
  return SSL_get0_peer_certificate(ssl_) != nullptr;
}

bool ServerConnection::resumed() const {
  return SSL_session_reused(ssl_) == 1;
}

std::optional<std::string> ServerConnection::read_request() {
  std::string request;
  std::array<char, 4096> block{};
  while (request.find("\r\n\r\n") == std::string::npos) {
    std::size_t size = 0;
    if (SSL_read_ex(ssl_, block.data(), block.size(), &size) != 1) return std::nullopt;
    request.append(block.data(), size);
  }
  return request;
}

void ServerConnection::write(std::string_view bytes) {
  SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
}

void ServerConnection::write_plain(std::string_view bytes) {
  [[maybe_unused]] const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

std::string ServerConnection::read_plain(std::size_t size) {
  std::string bytes(size, '\0');
  const ssize_t n = ::recv(fd_.get(), bytes.data(), size, MSG_WAITALL);
  bytes.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  return bytes;
}

void ServerConnection::say_goodbye() {
  SSL_shutdown(ssl_);
}

void ServerConnection::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void ServerConnection::shut_down() {
  ::shutdown(fd_.get(), SHUT_RDWR);
}

Listener listen_on_loopback(int backlog) {
  Listener listener{UniqueFd(check("socket", ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))), 0};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  check("bind to 127.0.0.1", ::bind(listener.fd.get(), generic, length));
  check("listen", ::listen(listener.fd.get(), backlog));
  check("getsockname", ::getsockname(listener.fd.get(), generic, &length));
  listener.port = ntohs(address.sin_port);
  return listener;
}

TlsServer::TlsServer(const Identity& identity, Handler handler, Newest newest, const Tune& tune)
    : handler_(std::move(handler)), newest_(newest), context_(make_context(identity, tune)) {
  Listener listener = listen_on_loopback(1024);
  listener_ = std::move(listener.fd);
  port_ = listener.port;
  // Writing to a client that is gone is part of these tests; the threads inherit this mask.
  sigset_t pipe_signal;
  sigset_t before;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  acceptor_ = std::thread([this] { accept_all(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TlsServer::~TlsServer() {
  ::shutdown(listener_.get(), SHUT_RDWR);  // makes accept() return
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (ServerConnection& connection : open_connections_) connection.shut_down();
  }
  for (std::thread& thread : threads_) thread.join();
  SSL_CTX_free(context_);
}

SSL_CTX* TlsServer::make_context(const Identity& identity, const Tune& tune) const {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate(context, identity.certificate.get());
  SSL_CTX_use_PrivateKey(context, identity.key.get());
  if (newest_ == Newest::tls_1_2) SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  if (tune) tune(context);
  return context;
}

void TlsServer::change(const Identity& identity, const Tune& tune) {
  SSL_CTX* context = make_context(identity, tune);
  const std::lock_guard lock(mutex_);
  SSL_CTX_free(std::exchange(context_, context));  // connections keep what they began with
}

void TlsServer::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    const int number = ++connections_;
    most_open_ = std::max<int>(most_open_, ++open_);
    const auto connection =
        open_connections_.emplace(open_connections_.end(), context_, fd, number);
    threads_.emplace_back([this, connection] {
      handler_(*connection);
      const std::lock_guard closing(mutex_);
      open_connections_.erase(connection);
      --open_;
    });
  }
}

std::string http_answer(int status, std::string_view body, std::string_view more_headers) {
  return fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(),
                     more_headers, body);
}

std::string token_of(std::string_view request) {
  const std::size_t at = request.find("v=");
  if (at == std::string_view::npos) return {};
  request.remove_prefix(at + 2);
  return std::string(request.substr(0, request.find_first_of(" &")));
}

void echo_token(ServerConnection& connection) {
  if (!connection.handshake()) return;
  while (const auto request = connection.read_request())
    connection.write(http_answer(200, "token " + token_of(*request)));
}

}  // namespace nospof::test
