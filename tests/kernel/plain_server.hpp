#pragma once
// Servers without TLS on 127.0.0.1 for tests, which behave as badly as the test tells them to.

#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "system/fd.hpp"

namespace nospof::test {

/// Serves each TCP connection on a thread of its own; it ends with a FIN when the handler returns.
class PlainServer {
 public:
  using Handler = std::function<void(int fd)>;
  explicit PlainServer(Handler handler);
  ~PlainServer();
  PlainServer(const PlainServer&) = delete;
  PlainServer& operator=(const PlainServer&) = delete;
  int port() const { return port_; }

 private:
  void accept_all();

  Handler handler_;
  UniqueFd listener_;
  int port_ = 0;
  std::mutex mutex_;
  std::list<UniqueFd> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

/// The head of the next HTTP request; nothing when the client has ended the connection.
std::optional<std::string> read_head(int fd);
/// Sends what can be sent, without a signal when the client is gone.
void send_all(int fd, std::string_view bytes);
/// RST instead of FIN when it is closed.
void reset_on_close(int fd);
/// Waits for the end of what the client sends.
void wait_for_end(int fd);

/// A UDP socket on 127.0.0.1 and its port.
struct Datagrams {
  UniqueFd fd;
  int port = 0;
};
Datagrams datagrams_on_loopback();

/// A server in a process of its own, so that it can be stopped as SIGSTOP stops one. Killed when
/// this goes, or when the test does.
class ServerProcess {
 public:
  /// `serve` runs in the new process, never returns to the test, and allocates little.
  explicit ServerProcess(const std::function<void()>& serve);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  void freeze() const;  ///< returns when it stands still
  void thaw() const;

 private:
  pid_t pid_ = -1;
};

}  // namespace nospof::test
