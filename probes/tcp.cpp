#include "probes/tcp.hpp"

#include <array>

#include "probes/endpoint.hpp"
#include "probes/greeting.hpp"
#include "probes/open_loop.hpp"
#include "probes/probe_kind.hpp"
#include "probes/stream.hpp"

namespace nospof::probes {

namespace {

struct TcpConfig {
  std::string host;
  int port = 0;
  std::string expect;
  Pace pace;
};

TcpConfig parse_tcp_config(const kinds::json::object& json) {
  TcpConfig config;
  ConfigKeys keys("tcp probe", json);
  config.host = keys.required_text("host");
  if (!keys.has("port")) keys.refuse("port is missing");
  config.port = static_cast<int>(keys.integer("port", 0, 1, 65535));
  config.expect = keys.text("expect", "");
  if (config.expect.size() > Greeting::size_limit) keys.refuse("expect is longer than 4 KiB");
  config.pace = parse_pace(keys);
  keys.refuse_unknown();
  return config;
}

struct Connection final : Attempt {
  std::optional<WatchedFd> socket;
  std::optional<Greeting> greeting;  ///< once it is open
};

class TcpRun final : public OpenLoopOf<Connection> {
 public:
  TcpRun(const TcpConfig& config, const Endpoint& endpoint, int stop_fd, kinds::SampleSink& sink)
      : OpenLoopOf(config.pace, stop_fd, sink), config_(config), endpoint_(endpoint) {}

 private:
  void begin(Connection& connection) override {
    int error_number = 0;
    UniqueFd socket = begin_connect(endpoint_, error_number);
    if (!socket) return finish(connection, connect_failure(error_number), now());
    connection.socket.emplace(reactor(), std::move(socket),
                              [this, &connection] { advance(connection); });
    connection.socket->wait_for(WatchedFd::For::writing);
  }

  Failure expire(Connection& connection) override {
    connection.socket.reset();
    return connection.greeting ? connection.greeting->at_deadline() : deadline_failure(false);
  }

  void advance(Connection& connection) {
    if (!connection.greeting) {
      const int error_number = take_socket_error(connection.socket->fd());
      if (error_number != 0) return end(connection, connect_failure(error_number));
      connection.greeting.emplace(config_.expect);
      if (config_.expect.empty()) return end(connection, judged(connection, 0, now()));
    }
    read(connection);
  }

  void read(Connection& connection) {
    SocketState socket;
    socket.fd = connection.socket->fd();
    std::array<char, Greeting::size_limit> block;  // not filled with zeros: it is read into
    for (;;) {
      std::size_t size = 0;
      switch (receive_some(socket, block.data(), block.size(), size)) {
        case SocketStep::done:
          break;
        case SocketStep::again:
          return connection.socket->wait_for(WatchedFd::For::reading);
        case SocketStep::ended:
          return end(connection, connection.greeting->at_end());
        case SocketStep::failed:
          return end(connection, stream_failure(socket.error_number));
      }
      const auto right = connection.greeting->feed({block.data(), size});
      if (right)
        return end(connection,
                   *right ? judged(connection, 0, now()) : Failure{kinds::Outcome::wrong_body, 0});
    }
  }

  void end(Connection& connection, Failure failure) {
    const MonoTime finished = now();
    connection.socket.reset();
    finish(connection, failure, finished);
  }

  const TcpConfig& config_;
  const Endpoint& endpoint_;
};

class TcpProbe final : public kinds::Probe {
 public:
  explicit TcpProbe(TcpConfig config)
      : config_(std::move(config)), endpoint_(resolve_endpoint(config_.host, config_.port)) {}

  void run(int stop_fd, kinds::SampleSink& sink) override {
    TcpRun(config_, endpoint_, stop_fd, sink).run();
  }

 private:
  TcpConfig config_;
  Endpoint endpoint_;
};

}  // namespace

std::unique_ptr<kinds::ProbeKind> make_tcp() {
  using spec::ParameterType;
  spec::KindInfo info;
  info.name = "tcp";
  info.summary = "connections at a set rate, and what the server says first";
  info.parameters = pace_parameters();
  info.parameters.push_back({"host", ParameterType::text, true, "", {}, "address or name"});
  info.parameters.push_back({"port", ParameterType::integer, true, "", {}, "TCP port"});
  info.parameters.push_back(
      {"expect", ParameterType::text, false, "", {}, "text that the server's greeting contains"});
  return std::make_unique<SimpleKind>(std::move(info), [](const kinds::json::object& config) {
    return std::make_unique<TcpProbe>(parse_tcp_config(config));
  });
}

}  // namespace nospof::probes
