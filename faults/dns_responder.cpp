#include "faults/dns_responder.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <optional>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "faults/dns_message.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr std::size_t most_waiting = 4096;
constexpr std::size_t most_connections = 64;
constexpr std::size_t largest_message = 65535;
constexpr int dns_port = 53;

sockaddr_in address_of(const std::string& text, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, text.c_str(), &address.sin_addr) != 1)
    throw Error(fmt::format("dns: '{}' is no IPv4 address", text));
  return address;
}

UniqueFd open_socket(int type) {
  return UniqueFd(
      check("dns: open a socket", ::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
}

// Towards the real server, past our own redirection.
UniqueFd connected(int type, const std::string& server) {
  UniqueFd fd = open_socket(type);
  const std::uint32_t mark = dns_relay_mark;
  check("dns: SO_MARK", ::setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark));
  const sockaddr_in to = address_of(server, dns_port);
  // A server that can't be reached is no reason to end: then it just does not answer.
  const int result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  if (result < 0 && errno != EINPROGRESS && type == SOCK_STREAM) fd.reset();
  return fd;
}

std::optional<std::string> receive(int fd, sockaddr_in* from = nullptr) {
  static std::array<char, largest_message> block;
  socklen_t size = sizeof *from;
  const ssize_t n =
      ::recvfrom(fd, block.data(), block.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(from),
                 from != nullptr ? &size : nullptr);
  if (n <= 0) return std::nullopt;
  return std::string(block.data(), static_cast<std::size_t>(n));
}

/// One TCP client and its way to the real server. Messages have their length in front.
struct Connection {
  std::uint64_t number = 0;
  std::size_t front = 0;
  UniqueFd client, server;
  std::string from_client, from_server;
  std::string to_server;
  bool over = false;
};

class Responder {
 public:
  Responder(const DnsSettings& settings, const std::vector<DnsFront>& fronts,
            const SharedCounters& counters)
      : settings_(settings), fronts_(fronts), counters_(counters) {
    for (const DnsFront& front : fronts_) upstream_.push_back(connected(SOCK_DGRAM, front.server));
  }

  [[noreturn]] void run() {
    for (;;) {
      wait();
      for (std::size_t i = 0; i < fronts_.size(); ++i) {
        take_queries(i);
        take_answers(i);
        take_connection(i);
      }
      for (Connection& connection : connections_) serve(connection);
      std::erase_if(connections_, [](const Connection& each) { return each.over; });
      send_due();
    }
  }

 private:
  /// A query on its way to the real server.
  struct Waiting {
    std::size_t front = 0;
    sockaddr_in client{};
    std::uint16_t id = 0;
  };
  struct Delayed {
    Time due;
    std::size_t front = 0;
    std::string message;
    sockaddr_in client{};                          ///< over UDP
    std::optional<std::uint64_t> connection = {};  ///< over TCP: its number
  };

  void wait() {
    std::vector<pollfd> entries;
    const auto add = [&entries](const UniqueFd& fd, short events = POLLIN) {
      if (fd) entries.push_back({fd.get(), events, 0});
    };
    for (std::size_t i = 0; i < fronts_.size(); ++i) {
      add(fronts_[i].udp);
      add(fronts_[i].tcp);
      add(upstream_[i]);
    }
    for (const Connection& each : connections_) {
      add(each.client);
      add(each.server, static_cast<short>(each.to_server.empty() ? POLLIN : POLLIN | POLLOUT));
    }
    int timeout = -1;
    if (!delayed_.empty())
      timeout = static_cast<int>(std::max<std::int64_t>(
          0, std::chrono::ceil<std::chrono::milliseconds>(delayed_.front().due -
                                                          std::chrono::steady_clock::now())
                 .count()));
    ::poll(entries.data(), entries.size(), timeout);
  }

  enum class Fate { answer, drop, later, relay };
  Fate fate_of(const std::optional<DnsQuestion>& question) const {
    if (!question || !matches_name(question->name, settings_.names)) {
      ++counters_[dns_relayed];
      return Fate::relay;
    }
    switch (settings_.mode) {
      case DnsMode::nxdomain:
        ++counters_[dns_denied];
        return Fate::answer;
      case DnsMode::timeout:
        ++counters_[dns_withheld];
        return Fate::drop;
      case DnsMode::slow:
        ++counters_[dns_delayed];
        return Fate::later;
    }
    return Fate::relay;
  }

  void take_queries(std::size_t front) {
    sockaddr_in client{};
    while (const auto query = receive(fronts_[front].udp.get(), &client)) {
      const auto question = parse_dns_query(*query);
      switch (fate_of(question)) {
        case Fate::answer:
          reply(front, client, nxdomain_answer(*query, *question));
          break;
        case Fate::drop:
          break;
        case Fate::later:
          delay({due(), front, *query, client});
          break;
        case Fate::relay:
          relay(front, client, *query);
          break;
      }
    }
  }

  Time due() const { return std::chrono::steady_clock::now() + settings_.delay; }

  // All are delayed by the same time, so that they stand in order.
  void delay(Delayed entry) {
    if (delayed_.size() < most_waiting) delayed_.push_back(std::move(entry));
  }

  void send_due() {
    while (!delayed_.empty() && delayed_.front().due <= std::chrono::steady_clock::now()) {
      const Delayed entry = std::move(delayed_.front());
      delayed_.pop_front();
      if (!entry.connection) {
        relay(entry.front, entry.client, entry.message);
        continue;
      }
      for (Connection& each : connections_)
        if (each.number == *entry.connection) send_on(each, entry.message);
    }
  }

  void reply(std::size_t front, const sockaddr_in& client, const std::string& message) {
    ::sendto(fronts_[front].udp.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&client), sizeof client);
  }

  void relay(std::size_t front, const sockaddr_in& client, std::string message) {
    if (message.size() < 2) return;
    std::uint16_t id = 0;
    std::memcpy(&id, message.data(), sizeof id);
    ++next_id_;
    waiting_[next_id_] = {front, client, ntohs(id)};
    set_dns_id(message, next_id_);
    ::send(upstream_[front].get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  void take_answers(std::size_t front) {
    while (auto answer = receive(upstream_[front].get())) {
      std::uint16_t id = 0;
      if (answer->size() < sizeof id) continue;
      std::memcpy(&id, answer->data(), sizeof id);
      const auto found = waiting_.find(ntohs(id));
      if (found == waiting_.end() || found->second.front != front) continue;
      set_dns_id(*answer, found->second.id);
      reply(front, found->second.client, *answer);
      waiting_.erase(found);
    }
  }

  void take_connection(std::size_t front) {
    UniqueFd client(
        ::accept4(fronts_[front].tcp.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client || connections_.size() >= most_connections) return;
    Connection connection;
    connection.number = ++last_connection_;
    connection.front = front;
    connection.client = std::move(client);
    connection.server = connected(SOCK_STREAM, fronts_[front].server);
    connections_.push_back(std::move(connection));
  }

  // Reads what is there; true when the other side has ended.
  static bool pull(const UniqueFd& fd, std::string& into) {
    std::array<char, 4096> block{};
    for (;;) {
      const ssize_t n = ::recv(fd.get(), block.data(), block.size(), MSG_DONTWAIT);
      if (n == 0) return true;
      if (n < 0) return errno != EAGAIN && errno != EINTR;
      into.append(block.data(), static_cast<std::size_t>(n));
    }
  }

  static std::optional<std::string> next_message(std::string& buffer) {
    if (buffer.size() < 2) return std::nullopt;
    const std::size_t size = static_cast<std::size_t>(static_cast<unsigned char>(buffer[0])) << 8U |
                             static_cast<unsigned char>(buffer[1]);
    if (buffer.size() < size + 2) return std::nullopt;
    std::string message = buffer.substr(2, size);
    buffer.erase(0, size + 2);
    return message;
  }

  static std::string framed(const std::string& message) {
    return std::string{static_cast<char>(message.size() >> 8U),
                       static_cast<char>(message.size() & 0xff)} +
           message;
  }

  static bool push(const UniqueFd& fd, const std::string& bytes) {
    return ::send(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

  static void send_on(Connection& connection, const std::string& message) {
    connection.to_server += framed(message);
    flush(connection);
  }

  static void flush(Connection& connection) {
    if (connection.to_server.empty()) return;
    const ssize_t n = ::send(connection.server.get(), connection.to_server.data(),
                             connection.to_server.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) connection.to_server.erase(0, static_cast<std::size_t>(n));
    if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN) connection.over = true;
  }

  void serve(Connection& connection) {
    const bool client_ended = pull(connection.client, connection.from_client);
    while (const auto query = next_message(connection.from_client)) {
      const auto question = parse_dns_query(*query);
      switch (fate_of(question)) {
        case Fate::answer:
          push(connection.client, framed(nxdomain_answer(*query, *question)));
          break;
        case Fate::drop:
          break;
        case Fate::later:
          delay({due(), connection.front, *query, {}, connection.number});
          break;
        case Fate::relay:
          send_on(connection, *query);
          break;
      }
    }
    flush(connection);
    const bool server_ended = pull(connection.server, connection.from_server);
    if (!connection.from_server.empty()) {
      const bool sent = push(connection.client, connection.from_server);
      connection.over = connection.over || !sent;
      connection.from_server.clear();
    }
    // A server that refuses must not end a connection that is held open to time out.
    connection.over =
        connection.over || client_ended || (server_ended && settings_.mode != DnsMode::timeout);
    if (server_ended) connection.server.reset();
  }

  const DnsSettings& settings_;
  const std::vector<DnsFront>& fronts_;
  const SharedCounters& counters_;
  std::vector<UniqueFd> upstream_;
  std::map<std::uint16_t, Waiting> waiting_;
  std::uint16_t next_id_ = 0;
  std::uint64_t last_connection_ = 0;
  std::deque<Delayed> delayed_;
  std::vector<Connection> connections_;
};

int bind_to_loopback(const UniqueFd& fd) {
  sockaddr_in here = address_of("127.0.0.1", 0);
  check("dns: bind to the loopback",
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here));
  socklen_t size = sizeof here;
  check("dns: getsockname", ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&here), &size));
  return ntohs(here.sin_port);
}

}  // namespace

DnsFront open_dns_front(const std::string& server) {
  DnsFront front;
  front.server = server;
  front.udp = open_socket(SOCK_DGRAM);
  front.tcp = open_socket(SOCK_STREAM);
  front.udp_port = bind_to_loopback(front.udp);
  front.tcp_port = bind_to_loopback(front.tcp);
  check("dns: listen", ::listen(front.tcp.get(), 16));
  return front;
}

void run_dns_responder(const DnsSettings& settings, const std::vector<DnsFront>& fronts,
                       const SharedCounters& counters) {
  Responder(settings, fronts, counters).run();
}

}  // namespace nospof::faults
