#pragma once
// A small TLS server on 127.0.0.1 for tests, which behaves as badly as the test tells it to.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "system/fd.hpp"
#include "tests/support/test_authority.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace nospof::test {

/// Holds up whoever passes while it is shut. Starts open.
class Gate {
 public:
  /// Keeps it shut for as long as it lives. Declare it after the server, which waits for its
  /// threads.
  class Shut {
   public:
    explicit Shut(Gate& gate) : gate_(gate) { gate_.set(false); }
    ~Shut() { gate_.set(true); }
    Shut(const Shut&) = delete;
    Shut& operator=(const Shut&) = delete;

   private:
    Gate& gate_;
  };
  void pass();

 private:
  void set(bool open);

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
};

/// One connection that the server accepted; all calls block, and fail quietly once the server
/// stops.
class ServerConnection {
 public:
  ServerConnection(ssl_ctx_st* context, int fd, int number);
  ~ServerConnection();
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;

  int number() const { return number_; }  ///< counts from 1 in the order of accepting
  bool handshake();
  bool shows_certificate() const;  ///< the client did
  bool resumed() const;            ///< the handshake used an earlier session
  /// Head of the next request; nothing when the client has ended the connection.
  std::optional<std::string> read_request();
  void write(std::string_view bytes);
  // Not under TLS.
  void write_plain(std::string_view bytes);
  /// So many bytes; fewer when the client has ended the connection.
  std::string read_plain(std::size_t size);
  void say_goodbye();  ///< close_notify
  void reset();        ///< RST instead of FIN when the handler returns
  void shut_down();    ///< from any thread: ends what blocks

 private:
  ssl_st* ssl_;
  UniqueFd fd_;
  int number_;
};

/// Serves each connection on a thread of its own with `handler`; the connection ends with a bare
/// FIN when the handler returns, unless it did something else.
class TlsServer {
 public:
  using Handler = std::function<void(ServerConnection&)>;
  enum class Newest { tls_1_3, tls_1_2 };
  /// What else is special about it, in OpenSSL's terms.
  using Tune = std::function<void(ssl_ctx_st*)>;
  TlsServer(const Identity& identity, Handler handler, Newest newest = Newest::tls_1_3,
            const Tune& tune = {});
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  /// From the next connection on it shows another certificate, and is tuned in another way.
  void change(const Identity& identity, const Tune& tune = {});

  int port() const { return port_; }
  int connections() const { return connections_; }  ///< accepted so far
  int most_open() const { return most_open_; }      ///< at the same time

 private:
  ssl_ctx_st* make_context(const Identity& identity, const Tune& tune) const;
  void accept_all();

  Handler handler_;
  Newest newest_;
  ssl_ctx_st* context_;  ///< guarded by the mutex
  UniqueFd listener_;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<int> open_ = 0;
  std::atomic<int> most_open_ = 0;
  std::mutex mutex_;
  std::list<ServerConnection> open_connections_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

/// A whole answer: "HTTP/1.1 <status> X" with a Content-Length.
std::string http_answer(int status, std::string_view body, std::string_view more_headers = "");
/// What stands between "v=" and the next delimiter in a request: the token it was sent with.
std::string token_of(std::string_view request);
/// A handler that answers every request on the connection with its token.
void echo_token(ServerConnection& connection);
/// A listening socket on 127.0.0.1 and its port.
struct Listener {
  UniqueFd fd;
  int port = 0;
};
Listener listen_on_loopback(int backlog);

}  // namespace nospof::test
