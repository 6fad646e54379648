#include "probes/connections_probe.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "probes/connections_judge.hpp"
#include "probes/looking.hpp"
#include "system/cgroup_name.hpp"
#include "system/check.hpp"
#include "system/clock.hpp"
#include "system/own_connections.hpp"

namespace nospof::probes {

namespace {

/// Beyond that many kinds of unknown connections the others are one.
constexpr std::size_t most_subjects = 1000;
/// What the kernel tells waits for the next look, but no longer than this: there is room for some
/// thousands of messages.
constexpr std::int64_t drain_every_ns = 250'000'000;

struct Unknown {
  std::uint64_t count = 0;
  std::uint64_t told = 0;
  std::int64_t at_ns = 0;
  std::int64_t since_ns = 0;
  std::int64_t last_seen_ns = 0;
  std::string detail;
};

// One run: everything happens on the thread that calls run().
class ConnectionsRun {
 public:
  ConnectionsRun(const ConnectionsConfig& config, EndedConnections& ended, kinds::SampleSink& sink)
      : config_(config), ended_(ended), sink_(sink) {
    for (const auto& [to, flow] : config.uses) idle_.insert(to);
  }

  void run(int stop_fd) {
    std::int64_t due = now_ns();
    for (;;) {
      const bool look_now = now_ns() >= due;
      if (look_now) {
        look();
        while (due <= now_ns()) due += config_.every.count();
      } else {
        take_ended(now_ns());
      }
      if (wait_to_look(stop_fd, -1, std::min(due, now_ns() + drain_every_ns))) break;
    }
    // What ended in the meantime may have been the only one of its kind.
    look();
  }

 private:
  void look() {
    kinds::Round round;
    round.begin_ns = now_ns();
    std::vector<TcpConnection> sockets;
    bool failed = false;
    try {
      sockets = tcp_connections();
    } catch (const std::exception&) {
      failed = true;
    }
    std::erase_if(sockets, [](const TcpConnection& socket) {
      return socket.phase == TcpPhase::open && take_own_connection(socket);
    });
    if (!told_idle_) tell_idle();
    if (!failed) {
      listening_.looked(sockets);
      for (const auto& [connection, is_new] : counter_.looked(sockets))
        see(*connection, is_new, round.begin_ns);
    }
    // After the look, so that listeners that are new are known.
    take_ended(round.begin_ns);
    round.end_ns = now_ns();
    round.checked = 1 + seen_;
    round.undecided = failed ? round.checked : (lost_ ? 1U : 0U);
    tell_unknown(round.end_ns);
    sink_.looked(round);
    seen_ = 0;
    lost_ = false;
    last_begin_ns_ = round.begin_ns;
  }

  void take_ended(std::int64_t at_ns) {
    for (const TcpConnection& connection : ended_.take(lost_))
      if (!take_own_connection(connection) && counter_.is_new(connection))
        see(connection, true, at_ns);
  }

  void see(const TcpConnection& connection, bool is_new, std::int64_t at_ns) {
    const auto judged = judge_connection(config_, listening_, connection);
    if (!judged) return;
    if (is_new) ++seen_;
    if (judged->flow == nullptr)
      see_unknown(*judged, connection, is_new, at_ns);
    else if (idle_.erase({judged->to, judged->port}) > 0)
      sink_.found(idle_finding({judged->to, judged->port}, *judged->flow, true));
  }

  void see_unknown(const Judged& judged, const TcpConnection& connection, bool is_new,
                   std::int64_t at_ns) {
    const std::string subject = judged.subject();
    const bool one_more = unknown_.contains(subject) || unknown_.size() < most_subjects;
    Unknown& unknown = unknown_[one_more ? subject : "other connections"];
    if (unknown.count == 0) {
      unknown.at_ns = now_ns();
      unknown.since_ns = last_begin_ns_;
      unknown.detail = detail_of(connection);
    }
    if (is_new) ++unknown.count;
    unknown.last_seen_ns = at_ns;
  }

  static std::string detail_of(const TcpConnection& connection) {
    const std::string cgroup = cgroup_name(connection.cgroup);
    return fmt::format(
        "no flow of the topology allows it; first seen {}: {}:{} - {}:{}, {} bytes{}",
        utc_text(SystemClock().wall()), connection.local, connection.local_port, connection.remote,
        connection.remote_port, connection.bytes,
        cgroup.empty() ? "" : ", of the cgroup " + cgroup);
  }

  void tell_unknown(std::int64_t now) {
    for (auto entry = unknown_.begin(); entry != unknown_.end();) {
      Unknown& unknown = entry->second;
      const bool over = now - unknown.last_seen_ns >= config_.quiet.count();
      if (unknown.count != unknown.told)
        tell(entry->first, unknown, unknown.told == 0 ? unknown.at_ns : now, unknown.since_ns,
             false);
      unknown.told = unknown.count;
      if (over) tell(entry->first, unknown, now, unknown.last_seen_ns, true);
      entry = over ? unknown_.erase(entry) : std::next(entry);
    }
  }

  void tell(const std::string& subject, const Unknown& unknown, std::int64_t at_ns,
            std::int64_t since_ns, bool over) {
    sink_.found({.at_ns = at_ns,
                 .since_ns = since_ns,
                 .what = "unknown-connection",
                 .subject = subject,
                 .detail = unknown.detail,
                 .violation = true,
                 .over = over,
                 .count = unknown.count});
  }

  void tell_idle() {
    told_idle_ = true;
    for (const auto& [to, flow] : config_.uses) sink_.found(idle_finding(to, flow, false));
  }
  kinds::Finding idle_finding(const Service& to, const std::string& flow, bool over) const {
    return {.at_ns = now_ns(),
            .since_ns = last_begin_ns_,
            .what = "idle-route",
            .subject = Judged{config_.host, to.on, to.port}.subject(),
            .detail = flow,
            .violation = false,
            .over = over};
  }

  const ConnectionsConfig& config_;
  EndedConnections& ended_;
  kinds::SampleSink& sink_;
  Listening listening_;
  Counter counter_;
  std::set<Service> idle_;
  bool told_idle_ = false;
  std::map<std::string, Unknown> unknown_;  ///< by subject
  std::uint64_t seen_ = 0;                  ///< connections since the last look
  bool lost_ = false;
  std::int64_t last_begin_ns_ = 0;
};

class ConnectionsProbe final : public kinds::Probe {
 public:
  explicit ConnectionsProbe(ConnectionsConfig config) : config_(std::move(config)) {
    follow_own_connections();
    tcp_connections();  // throws when it can't be done
  }

  void run(int stop_fd, kinds::SampleSink& sink) override {
    ConnectionsRun(config_, ended_, sink).run(stop_fd);
  }

 private:
  ConnectionsConfig config_;
  EndedConnections ended_;
};

}  // namespace

std::unique_ptr<kinds::Probe> make_connections_probe(ConnectionsConfig config) {
  return std::make_unique<ConnectionsProbe>(std::move(config));
}

}  // namespace nospof::probes
