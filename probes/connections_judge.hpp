#pragma once
// Who connected to whom, and whether that may be; pure, but for what the judge remembers.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "probes/connections_config.hpp"
#include "system/tcp_connections.hpp"

namespace nospof::probes {

/// This host's own listening sockets: those of the last look that saw one of that port, and of
/// `kept` looks before it, as connections outlive who accepted them.
class Listening {
 public:
  static constexpr int kept = 30;
  void looked(const std::vector<TcpConnection>& sockets);
  bool on(const TcpConnection& connection) const;

 private:
  std::map<std::pair<std::string, int>, int> looks_left_;  ///< by local address and port
};

/// What a connection is to this host. The names are those of the configuration, or addresses.
struct Judged {
  std::string from;
  std::string to;
  int port = 0;
  const std::string* flow = nullptr;  ///< of the configuration, which allows it; none: no flow does
  std::string subject() const;
};

/// Nothing for what is not this host's to tell: of the host with itself, or made by another one of
/// the hosts.
std::optional<Judged> judge_connection(const ConnectionsConfig& config, const Listening& listening,
                                       const TcpConnection& connection);

/// Tells which connections count: each of them once, when it is seen to have carried data, or to be
/// open in two looks in a row.
class Counter {
 public:
  struct Counted {
    const TcpConnection* connection = nullptr;
    bool is_new = false;
  };
  /// Those of the open ones of a look that count, or did before.
  std::vector<Counted> looked(const std::vector<TcpConnection>& sockets);
  /// Whether one that has ended counts, and did not before.
  bool is_new(const TcpConnection& ended) const;

 private:
  // By cookie. An end may be told a moment later than the look that no longer saw it.
  std::set<std::uint64_t> silent_;
  std::set<std::uint64_t> counted_;
  std::set<std::uint64_t> counted_before_;
};

}  // namespace nospof::probes
