#pragma once
// The timeline of one cell or one experiment: baseline, inject, observe, heal, wait until recovered
// and redundant again.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "control/active_fault.hpp"
#include "control/campaign.hpp"
#include "control/progress.hpp"
#include "control/session.hpp"
#include "spec/experiment.hpp"
#include "system/machine_load.hpp"

namespace nospof::control {

/// How the controller itself fared; whether the stack survived is judged from the samples.
struct CellEnd {
  enum class Outcome { executed, aborted, error };
  Outcome outcome = Outcome::executed;
  std::string detail;
  bool stack_is_whole = true;  ///< recovered and redundant: the next cell may start
  bool healing_complete = true;
  bool prober_failed = false;
  std::optional<double> cpu_idle;  ///< of the machine during the cell, 0 to 1; none: not known
};

class Runner {
 public:
  /// `beside`: in how many other labs cells run at the same time.
  Runner(Session& session, const kinds::Registry& registry, Watcher& watcher, int beside = 0);

  /// `number` of `total` is for the watcher. Throws Interrupted after healing; nothing else.
  asio::awaitable<CellEnd> run_cell(const Cell& cell, Nanoseconds budget, std::size_t number,
                                    std::size_t total);
  /// Waits until the stack is redundant: what is not whole to begin with cannot be judged. Throws
  /// Error that says what is missing when it takes longer than the topology's recovery deadline.
  asio::awaitable<void> wait_until_whole();
  asio::awaitable<CellEnd> run_experiment(const spec::Experiment& experiment);

 private:
  struct Pace {
    Nanoseconds baseline, hold, settle, recovery_deadline, budget;
  };
  asio::awaitable<void> inject(ActiveFault& fault, const Pace& pace);
  /// Heals the one and injects the other at the same time.
  asio::awaitable<void> hand_over(ActiveFault& from, ActiveFault& to, const Pace& pace,
                                  CellEnd& end);
  asio::awaitable<void> cell_body(const Cell& cell, const Pace& pace, CellEnd& end);
  asio::awaitable<void> experiment_body(const spec::Experiment& experiment, CellEnd& end);
  asio::awaitable<void> one_fault(const spec::FaultSpec& fault, std::int64_t start_ns, bool& stop,
                                  CellEnd& end);
  asio::awaitable<std::vector<std::string>> resolve(const std::vector<std::string>& targets);
  asio::awaitable<void> take_baseline(Nanoseconds length);
  asio::awaitable<void> observe(const Pace& pace);
  asio::awaitable<void> recover(const Pace& pace, CellEnd& end);
  asio::awaitable<void> heal_all(CellEnd& end);
  asio::awaitable<void> pause();
  ActiveFault& add_fault(const std::string& injection, const std::string& kind,
                         const std::vector<std::string>& targets, const std::string& service,
                         const spec::Parameters& parameters);
  void record_redundancy(const Redundancy& redundancy, std::int64_t since_ns);
  void begin_phase(const std::string& phase);
  void begin(const std::string& cell, std::size_t number, std::size_t total);
  static constexpr Nanoseconds look_every = std::chrono::milliseconds(50);
  /// Beyond what is planned: the host heals by itself when the controller does not come back in
  /// time.
  static constexpr Nanoseconds duration_margin = std::chrono::seconds(10);

  asio::awaitable<void> wait_for_results();
  asio::awaitable<void> wait_for_observers();
  /// Throws when this fault, with those that are in force, would break more than is allowed.
  void refuse_beyond_limits(const ActiveFault& next) const;
  void finish(CellEnd& end);
  asio::awaitable<CellEnd> guarded(asio::awaitable<void> body, std::shared_ptr<CellEnd> end);

  Session& session_;
  const kinds::Registry& registry_;
  Watcher& watcher_;
  int beside_;
  std::optional<CpuTimes> cpu_at_begin_;
  std::vector<std::unique_ptr<ActiveFault>> faults_;
  std::string cell_;
  std::string phase_;
  std::size_t number_ = 0;
  std::size_t total_ = 0;
  std::int64_t begun_ns_ = 0;
  std::int64_t injected_ns_ = 0;
  std::int64_t healed_ns_ = 0;
  std::int64_t shown_ns_ = 0;
};

}  // namespace nospof::control
