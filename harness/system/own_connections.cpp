#include "system/own_connections.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include <netdb.h>
#include <netinet/in.h>

namespace nospof {

namespace {

// Those whose end nobody hears of would stay for ever.
constexpr std::size_t most_notes = 100'000;

using Key = std::tuple<int, std::string, int>;  // local port, remote address and port

struct Notes {
  std::mutex mutex;
  std::map<Key, int> counts;
};

Notes& notes() {
  static Notes all;
  return all;
}

std::atomic<bool> following = false;

// As parse_tcp_connection() gives them.
bool name_end(const sockaddr* to, socklen_t length, std::string& address, int& port) {
  char host[NI_MAXHOST];
  char service[NI_MAXSERV];
  if (::getnameinfo(to, length, host, sizeof host, service, sizeof service,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return false;
  address = host;
  address.resize(std::min(address.find('%'), address.size()));  // without the device
  if (address.starts_with("::ffff:") && address.find('.') != std::string::npos)
    address.erase(0, std::string("::ffff:").size());
  port = std::stoi(service);
  return true;
}

int local_port_of(int fd) {
  sockaddr_storage local{};
  socklen_t length = sizeof local;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &length) != 0) return 0;
  const in_port_t port = local.ss_family == AF_INET6
                             ? reinterpret_cast<const sockaddr_in6&>(local).sin6_port
                             : reinterpret_cast<const sockaddr_in&>(local).sin_port;
  return ntohs(port);
}

}  // namespace

void follow_own_connections() {
  following = true;
}

void note_own_connection(int fd, const sockaddr* to, socklen_t length) {
  if (!following) return;
  std::string address;
  int port = 0;
  const int local_port = local_port_of(fd);
  if (local_port == 0 || !name_end(to, length, address, port)) return;
  Notes& all = notes();
  const std::lock_guard lock(all.mutex);
  if (all.counts.size() >= most_notes) all.counts.clear();
  ++all.counts[{local_port, std::move(address), port}];
}

bool take_own_connection(const TcpConnection& connection) {
  Notes& all = notes();
  const std::lock_guard lock(all.mutex);
  const auto found =
      all.counts.find({connection.local_port, connection.remote, connection.remote_port});
  if (found == all.counts.end()) return false;
  if (connection.phase == TcpPhase::ended && --found->second == 0) all.counts.erase(found);
  return true;
}

}  // namespace nospof
