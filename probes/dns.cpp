#include "probes/dns.hpp"

#include <array>
#include <random>

#include "probes/dns_verdict.hpp"
#include "probes/endpoint.hpp"
#include "probes/open_loop.hpp"
#include "probes/probe_kind.hpp"
#include "probes/stream.hpp"

namespace nospof::probes {

namespace {

struct Query final : Attempt {
  DnsQuestion question;
  std::string unsent;  ///< over TCP
  bool over_tcp = false;
  bool connected = false;
  DnsStreamReader reader;
  std::optional<WatchedFd> socket;
};

class DnsRun final : public OpenLoopOf<Query> {
 public:
  DnsRun(const DnsConfig& config, const Endpoint& endpoint, int stop_fd, kinds::SampleSink& sink)
      : OpenLoopOf(config.pace, stop_fd, sink), config_(config), endpoint_(endpoint) {}

 private:
  void begin(Query& query) override {
    // An answer is taken only with the id of its query, so nobody who cannot read may guess it.
    const auto id = static_cast<std::uint16_t>(entropy_());
    const std::string message = dns_query(id, config_.name, config_.type);
    query.question = *parse_dns_query(message);
    int error_number = 0;
    UniqueFd socket = begin_datagrams(endpoint_, error_number);
    if (!socket) return finish(query, connect_failure(error_number), now());
    SocketState state;
    state.fd = socket.get();
    std::size_t size = 0;
    if (send_some(state, message, size) != SocketStep::done)
      return finish(query, connect_failure(state.error_number), now());
    wait(query, std::move(socket), WatchedFd::For::reading);
  }

  Failure expire(Query& query) override {
    query.socket.reset();
    return deadline_failure(true);
  }

  void wait(Query& query, UniqueFd socket, WatchedFd::For what) {
    query.socket.emplace(reactor(), std::move(socket), [this, &query] {
      if (query.over_tcp && !query.unsent.empty()) return send(query);
      receive(query);
    });
    query.socket->wait_for(what);
  }

  void ask_over_tcp(Query& query) {
    query.socket.reset();
    int error_number = 0;
    UniqueFd socket = begin_connect(endpoint_, error_number);
    if (!socket) return finish(query, connect_failure(error_number), now());
    query.over_tcp = true;
    query.unsent = dns_over_tcp(dns_query(query.question.id, config_.name, config_.type));
    wait(query, std::move(socket), WatchedFd::For::writing);
  }

  void send(Query& query) {
    SocketState state;
    state.fd = query.socket->fd();
    if (!query.connected) {
      if (const int error_number = take_socket_error(state.fd); error_number != 0)
        return end(query, connect_failure(error_number));
      query.connected = true;
    }
    std::size_t size = 0;
    const SocketStep step = send_some(state, query.unsent, size);
    if (step == SocketStep::failed) return end(query, stream_failure(state.error_number));
    query.unsent.erase(0, size);
    query.socket->wait_for(query.unsent.empty() ? WatchedFd::For::reading
                                                : WatchedFd::For::writing);
  }

  void receive(Query& query) {
    SocketState state;
    state.fd = query.socket->fd();
    std::array<char, 65536> block;  // not filled with zeros: it is read into
    for (;;) {
      std::size_t size = 0;
      switch (receive_some(state, block.data(), block.size(), size)) {
        case SocketStep::done:
          break;
        case SocketStep::again:
          return query.socket->wait_for(WatchedFd::For::reading);
        case SocketStep::ended:
          if (!query.over_tcp) continue;  // an empty datagram
          return end(query, early_end_failure(true, true));
        case SocketStep::failed:
          return end(query, query.over_tcp ? stream_failure(state.error_number)
                                           : connect_failure(state.error_number));
      }
      if (take_bytes(query, {block.data(), size})) return;
    }
  }

  /// Whether the query goes on in another way, or has ended.
  bool take_bytes(Query& query, std::string_view bytes) {
    std::string whole;
    if (query.over_tcp) {
      auto message = query.reader.feed(bytes);
      if (!message) return false;
      whole = std::move(*message);
      bytes = whole;
    }
    const DnsVerdict verdict =
        judge_dns_answer(bytes, query.question, config_.expect, query.over_tcp);
    switch (verdict.step) {
      case DnsStep::ignore:
        return false;
      case DnsStep::ask_over_tcp:
        ask_over_tcp(query);
        return true;
      case DnsStep::judged:
        end(query, verdict.failure);
        return true;
    }
    return true;
  }

  void end(Query& query, Failure failure) {
    const MonoTime finished = now();
    query.socket.reset();
    if (failure.outcome == kinds::Outcome::ok) failure = judged(query, failure.detail, finished);
    finish(query, failure, finished);
  }

  const DnsConfig& config_;
  const Endpoint& endpoint_;
  std::random_device entropy_;
};

class DnsProbe final : public kinds::Probe {
 public:
  explicit DnsProbe(DnsConfig config)
      : config_(std::move(config)), endpoint_(resolve_endpoint(config_.server, config_.port)) {}

  void run(int stop_fd, kinds::SampleSink& sink) override {
    DnsRun(config_, endpoint_, stop_fd, sink).run();
  }

 private:
  DnsConfig config_;
  Endpoint endpoint_;
};

}  // namespace

std::unique_ptr<kinds::ProbeKind> make_dns() {
  using spec::ParameterType;
  spec::KindInfo info;
  info.name = "dns";
  info.summary = "asks a server for the addresses of a name at a set rate";
  info.parameters = pace_parameters(dns_pace());
  info.parameters.push_back({"server", ParameterType::text, true, "", {}, "IP address"});
  info.parameters.push_back({"port", ParameterType::integer, false, "53", {}, "port"});
  info.parameters.push_back({"name", ParameterType::text, true, "", {}, "what to ask for"});
  info.parameters.push_back(
      {"type", ParameterType::text, false, "A", {"A", "AAAA"}, "which addresses"});
  info.parameters.push_back(
      {"expect", ParameterType::text, false, "", {}, "address that must be among the answer's"});
  return std::make_unique<SimpleKind>(std::move(info), [](const kinds::json::object& config) {
    return std::make_unique<DnsProbe>(parse_dns_config(config));
  });
}

}  // namespace nospof::probes
