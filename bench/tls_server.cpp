#include "bench/tls_server.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::bench {

namespace {

void require(bool ok, const char* what) {
  if (!ok) throw Error(fmt::format("TLS server: {} failed", what));
}

void extend(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  require(extension != nullptr, "making an extension");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

struct Connection {
  ~Connection() {
    if (ssl != nullptr) SSL_free(ssl);
    ::close(fd);
  }
  int fd = -1;
  SSL* ssl = nullptr;  ///< nullptr: without TLS
  std::string request;
};

enum class Got { bytes, nothing_yet, end };

// Reads the handshake too.
Got receive(const Connection& connection, char* block, std::size_t room, std::size_t& size) {
  if (connection.ssl == nullptr) {
    const ssize_t n = ::recv(connection.fd, block, room, 0);
    size = n > 0 ? static_cast<std::size_t>(n) : 0;
    return n > 0 ? Got::bytes : n < 0 && errno == EAGAIN ? Got::nothing_yet : Got::end;
  }
  if (SSL_read_ex(connection.ssl, block, room, &size) == 1) return Got::bytes;
  const int error = SSL_get_error(connection.ssl, 0);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? Got::nothing_yet
                                                                       : Got::end;
}

// Answers are short enough to be always sent at once.
bool send(const Connection& connection, std::string_view answer) {
  std::size_t size = 0;
  if (connection.ssl != nullptr)
    return SSL_write_ex(connection.ssl, answer.data(), answer.size(), &size) == 1;
  return ::send(connection.fd, answer.data(), answer.size(), MSG_NOSIGNAL) > 0;
}

/// Whether it goes on.
bool advance(Connection& connection) {
  constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  std::array<char, 4096> block{};
  for (;;) {
    std::size_t size = 0;
    const Got got = receive(connection, block.data(), block.size(), size);
    if (got != Got::bytes) return got == Got::nothing_yet;
    connection.request.append(block.data(), size);
    if (!connection.request.ends_with("\r\n\r\n")) continue;
    const bool last = connection.request.find("Connection: close") != std::string::npos;
    connection.request.clear();
    if (!send(connection, answer)) return false;
    if (!last) continue;
    if (connection.ssl != nullptr) SSL_shutdown(connection.ssl);
    return false;
  }
}

UniqueFd bind_to(int port) {
  UniqueFd fd(check("socket", ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
  const int on = 1;
  check("SO_REUSEADDR", ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* any = reinterpret_cast<const sockaddr*>(&address);
  check(fmt::format("bind 127.0.0.1:{}", port), ::bind(fd.get(), any, sizeof address));
  return fd;
}

void accept_all(int listener, int epoll, SSL_CTX* context) {
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto made = std::make_unique<Connection>();
    made->fd = fd;
    if (context != nullptr) {
      made->ssl = SSL_new(context);
      SSL_set_fd(made->ssl, fd);
      SSL_set_accept_state(made->ssl);
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = made.get();
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) static_cast<void>(made.release());
  }
}

/// A handshake with itself. The first one of a process takes some milliseconds longer than those
/// that follow, as OpenSSL looks up its algorithms then: that belongs to its start.
void warm_up(SSL_CTX* context) {
  SSL_CTX* client_context = SSL_CTX_new(TLS_client_method());
  SSL* server = SSL_new(context);
  SSL* client = SSL_new(client_context);
  BIO* at_server = nullptr;
  BIO* at_client = nullptr;
  require(
      client != nullptr && server != nullptr && BIO_new_bio_pair(&at_server, 0, &at_client, 0) == 1,
      "making a connection");
  SSL_set_bio(server, at_server, at_server);
  SSL_set_bio(client, at_client, at_client);
  SSL_set_accept_state(server);
  SSL_set_connect_state(client);
  for (int turn = 0; turn < 10 && SSL_is_init_finished(server) == 0; ++turn) {
    SSL_do_handshake(client);
    SSL_do_handshake(server);
  }
  require(SSL_is_init_finished(server) == 1, "a handshake with itself");
  SSL_free(client);
  SSL_free(server);
  SSL_CTX_free(client_context);
}

}  // namespace

void write_identity(const std::string& path, const std::string& host) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
  require(key && certificate, "making a key");
  X509* made = certificate.get();
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made), 24L * 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("bench"), -1, -1, 0);
  X509_set_issuer_name(made, X509_get_subject_name(made));
  X509_set_pubkey(made, key.get());
  extend(made, NID_subject_alt_name, "DNS:" + host);
  require(X509_sign(made, key.get(), EVP_sha256()) > 0, "signing");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"),
                                                             std::fclose);
  require(
      file && PEM_write_X509(file.get(), made) == 1 &&
          PEM_write_PrivateKey(file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
      "writing its certificate");
}

void serve(int port, const std::string& identity_file) {
  ::signal(SIGPIPE, SIG_IGN);
  SSL_CTX* context = identity_file.empty() ? nullptr : SSL_CTX_new(TLS_server_method());
  if (context != nullptr) {
    SSL_CTX_set_num_tickets(context, 0);
    const char* file = identity_file.c_str();
    require(SSL_CTX_use_certificate_file(context, file, SSL_FILETYPE_PEM) == 1 &&
                SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM) == 1,
            "reading its certificate");
    warm_up(context);
  }
  const UniqueFd epoll(check("epoll_create1", ::epoll_create1(EPOLL_CLOEXEC)));
  char byte = 0;
  if (::read(STDIN_FILENO, &byte, 1) != 1) ::_exit(0);
  const UniqueFd listener = bind_to(port);
  check("listen", ::listen(listener.get(), 4096));
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  write_all(STDOUT_FILENO, fmt::format("{}\n", now.count()), "the bench");
  epoll_event event{};
  event.events = EPOLLIN;
  check("epoll_ctl", ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, listener.get(), &event));
  for (;;) {
    std::array<epoll_event, 64> events{};
    const int n = ::epoll_wait(epoll.get(), events.data(), 64, -1);
    for (int i = 0; i < n; ++i) {
      auto* connection = static_cast<Connection*>(events.at(static_cast<std::size_t>(i)).data.ptr);
      if (connection == nullptr) {
        accept_all(listener.get(), epoll.get(), context);
      } else if (!advance(*connection)) {
        delete connection;
      }
    }
  }
}

}  // namespace nospof::bench
