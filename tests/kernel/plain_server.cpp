#include "tests/kernel/plain_server.hpp"

#include <array>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/check.hpp"
#include "tests/kernel/https_server.hpp"

namespace nospof::test {

PlainServer::PlainServer(Handler handler) : handler_(std::move(handler)) {
  Listener listener = listen_on_loopback(1024);
  listener_ = std::move(listener.fd);
  port_ = listener.port;
  acceptor_ = std::thread([this] { accept_all(); });
}

PlainServer::~PlainServer() {
  ::shutdown(listener_.get(), SHUT_RDWR);  // makes accept() return
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const UniqueFd& fd : open_) ::shutdown(fd.get(), SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
}

void PlainServer::accept_all() {
  for (;;) {
    UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) return;
    const std::lock_guard lock(mutex_);
    const auto connection = open_.emplace(open_.end(), std::move(fd));
    threads_.emplace_back([this, connection] {
      handler_(connection->get());
      const std::lock_guard closing(mutex_);
      open_.erase(connection);
    });
  }
}

std::optional<std::string> read_head(int fd) {
  std::string head;
  std::array<char, 4096> block{};
  while (head.find("\r\n\r\n") == std::string::npos) {
    const ssize_t n = ::recv(fd, block.data(), block.size(), 0);
    if (n <= 0) return std::nullopt;
    head.append(block.data(), static_cast<std::size_t>(n));
  }
  return head;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void reset_on_close(int fd) {
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void wait_for_end(int fd) {
  std::array<char, 4096> block{};
  while (::recv(fd, block.data(), block.size(), 0) > 0) continue;
}

Datagrams datagrams_on_loopback() {
  Datagrams made{UniqueFd(check("socket", ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))), 0};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  check("bind to 127.0.0.1", ::bind(made.fd.get(), generic, length));
  check("getsockname", ::getsockname(made.fd.get(), generic, &length));
  made.port = ntohs(address.sin_port);
  return made;
}

ServerProcess::ServerProcess(const std::function<void()>& serve) {
  pid_ = check("fork a server", ::fork());
  if (pid_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGPIPE, SIG_IGN);
  serve();
  ::_exit(0);
}

ServerProcess::~ServerProcess() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void ServerProcess::freeze() const {
  check("SIGSTOP", ::kill(pid_, SIGSTOP));
  int status = 0;
  check("wait for the stop", ::waitpid(pid_, &status, WUNTRACED));
}

void ServerProcess::thaw() const {
  check("SIGCONT", ::kill(pid_, SIGCONT));
}

}  // namespace nospof::test
