#pragma once
// Everything that a run is connected to: the agents of all hosts, the prober, and what they say.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include "control/clock_book.hpp"
#include "control/interrupt.hpp"
#include "control/observers.hpp"
#include "control/prober_client.hpp"
#include "control/recorder.hpp"
#include "hosts/agent_client.hpp"
#include "kinds/registry.hpp"
#include "lab/lab.hpp"
#include "verdict/live.hpp"

namespace nospof::control {

/// What did not hold when it was asked for.
struct Missing {
  std::set<std::string> hosts;  ///< on which a service does not run as wanted
  std::set<const spec::RedundancyCheck*> checks;
};

/// One answer to "is the stack redundant again?".
struct Redundancy {
  bool ok = false;
  std::string detail;  ///< what is missing, or "12 services running, 2 checks hold"
  Missing missing;
};

/// The connection of a run to one lab. All agents hold a lease that is renewed while the session
/// lives; when it goes, however it goes, they heal.
class Session {
 public:
  Session(asio::io_context& context, Interruption& interruption, lab::Lab& lab, Recorder& recorder,
          const Clock& clock);
  ~Session();

  /// Starts an agent on every host, one with power over them, the prober and the observers. Throws
  /// Error naming the host.
  asio::awaitable<void> open(const spec::Workload& workload, Nanoseconds settle, bool observe);
  /// Agents heal and end. Returns what could not be healed, one line each.
  asio::awaitable<std::vector<std::string>> close();

  /// A request to a host's agent; starts a new agent first when the old one is gone (its host has
  /// booted).
  asio::awaitable<json::object> ask(const std::string& host, std::string op, json::object arguments,
                                    std::chrono::milliseconds deadline);

  /// Hosts for which a role's check holds now.
  asio::awaitable<std::vector<std::string>> find_role(const spec::Role& role);
  /// All services running as wanted, and all of the topology's redundancy checks.
  asio::awaitable<Redundancy> redundancy();
  /// Only of that what did not hold: each check starts a program on every host of its own.
  asio::awaitable<Redundancy> redundancy_of(Missing missing);

  /// Whether every observer that is to look after a healing at `healed_ns` has; true without any.
  bool observed_since(std::int64_t healed_ns) const {
    return !observers_ || observers_->looked_since(healed_ns);
  }

  verdict::LiveView& live() { return *live_; }
  /// Empty while the prober runs as it should.
  const std::string& prober_failure() const;
  const spec::Topology& topology() const { return lab_.topology(); }
  /// With the paths and rendered commands of the lab's hosts.
  kinds::StackView stack();
  Recorder& recorder() { return recorder_; }
  const ClockBook& clocks() const { return clocks_; }
  /// Compares the clocks of those hosts again that do not share this machine's.
  asio::awaitable<void> read_clocks();
  const Clock& clock() const { return clock_; }
  Interruption& interruption() { return interruption_; }
  std::int64_t now_ns() const { return clock_.now().time_since_epoch().count(); }

 private:
  struct CheckOutcome {
    bool holds = false;
    std::string detail;
  };
  asio::awaitable<hosts::AgentClient*> agent(const std::string& host);
  asio::awaitable<std::unique_ptr<hosts::AgentClient>> connect(const std::string& host);
  asio::awaitable<CheckOutcome> run_check(const std::string& host, const spec::Check& check);
  asio::awaitable<std::string> missing_services(const std::string& host);
  const std::vector<std::string>& words(const std::string& host,
                                        const std::vector<std::string>& templates);
  json::object prober_config(const spec::Workload& workload) const;
  asio::awaitable<void> start_observers();
  asio::awaitable<void> read_clock(const std::string& host, hosts::AgentClient& agent);
  asio::awaitable<void> read_prober_clock();
  void take_samples(const std::vector<kinds::Sample>& samples);

  asio::io_context& context_;
  Interruption& interruption_;
  lab::Lab& lab_;
  Recorder& recorder_;
  const Clock& clock_;
  ClockBook clocks_;
  std::unique_ptr<hosts::Transport> transport_;
  std::map<std::string, std::unique_ptr<hosts::AgentClient>> agents_;
  std::set<std::string> connecting_;
  std::vector<std::unique_ptr<hosts::AgentClient>> gone_agents_;
  std::map<std::pair<std::string, std::vector<std::string>>, std::vector<std::string>> rendered_;
  std::unique_ptr<ProberClient> prober_;
  std::string prober_host_;
  std::unique_ptr<verdict::LiveView> live_;
  std::string marker_;  ///< in every request of this session, and nowhere else
  std::unique_ptr<ObserverTeam> observers_;
};

}  // namespace nospof::control
