#include "probes/connections_judge.hpp"

#include <fmt/format.h>

namespace nospof::probes {

namespace {

bool is_any_address(const std::string& address) {
  return address == "0.0.0.0" || address == "::";
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

const std::string* name_of(const ConnectionsConfig& config, const std::string& address) {
  const auto found = config.names.find(address);
  return found == config.names.end() ? nullptr : &found->second;
}

bool is_listener(const ConnectionsConfig& config, const std::string* name, int port) {
  return name != nullptr && config.listeners.contains({*name, port});
}

bool was_accepted(const ConnectionsConfig& config, const Listening& listening,
                  const TcpConnection& connection) {
  if (listening.on(connection)) return true;
  if (is_listener(config, name_of(config, connection.remote), connection.remote_port)) return false;
  const std::string* local = name_of(config, connection.local);
  if (is_listener(config, local, connection.local_port)) return true;
  return connection.local_port < connection.remote_port;
}

}  // namespace

void Listening::looked(const std::vector<TcpConnection>& sockets) {
  for (auto& [end, looks_left] : looks_left_) --looks_left;
  std::erase_if(looks_left_, [](const auto& entry) { return entry.second == 0; });
  for (const TcpConnection& socket : sockets)
    if (socket.phase == TcpPhase::listening)
      looks_left_[{socket.local, socket.local_port}] = kept + 1;
}

bool Listening::on(const TcpConnection& connection) const {
  const auto listens = [&](const std::string& address) {
    return looks_left_.contains({address, connection.local_port});
  };
  return listens(connection.local) || listens("::") || listens("0.0.0.0");
}

std::string Judged::subject() const {
  return fmt::format("{} -> {}:{}/tcp", from, to, port);
}

std::optional<Judged> judge_connection(const ConnectionsConfig& config, const Listening& listening,
                                       const TcpConnection& connection) {
  if (connection.phase == TcpPhase::listening || connection.remote_port == 0) return {};
  if (is_any_address(connection.remote) || is_loopback(connection.remote)) return {};
  const std::string* peer = name_of(config, connection.remote);
  if (connection.local == connection.remote || (peer != nullptr && *peer == config.host)) return {};
  if (was_accepted(config, listening, connection)) {
    if (peer != nullptr) return {};
    return Judged{connection.remote, config.host, connection.local_port, nullptr};
  }
  Judged judged{config.host, peer != nullptr ? *peer : connection.remote, connection.remote_port,
                nullptr};
  const auto use = config.uses.find({judged.to, judged.port});
  if (peer != nullptr && use != config.uses.end()) judged.flow = &use->second;
  return judged;
}

std::vector<Counter::Counted> Counter::looked(const std::vector<TcpConnection>& sockets) {
  std::vector<Counted> counting;
  std::set<std::uint64_t> silent;
  std::set<std::uint64_t> counted;
  for (const TcpConnection& socket : sockets) {
    if (socket.phase != TcpPhase::open) continue;
    const bool known = counted_.contains(socket.cookie);
    if (known || socket.bytes > 0 || silent_.contains(socket.cookie)) {
      counted.insert(socket.cookie);
      counting.push_back({&socket, !known});
    } else {
      silent.insert(socket.cookie);
    }
  }
  silent_ = std::move(silent);
  counted_before_ = std::exchange(counted_, std::move(counted));
  return counting;
}

bool Counter::is_new(const TcpConnection& ended) const {
  return ended.bytes > 0 && !counted_.contains(ended.cookie) &&
         !counted_before_.contains(ended.cookie);
}

}  // namespace nospof::probes
