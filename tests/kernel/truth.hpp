#pragma once
// Holds what a probe recorded, and what the verdict makes of it, against what the server recorded.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kinds/finding.hpp"
#include "kinds/probe.hpp"
#include "kinds/sample.hpp"
#include "tests/support/going_first.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/standstill_watch.hpp"
#include "verdict/outages.hpp"

namespace nospof::test {

/// A probe whose thread goes first, as in a prober that is asked for that.
class GoingFirst final : public kinds::Probe {
 public:
  explicit GoingFirst(std::unique_ptr<kinds::Probe> probe,
                      Started started = Started::go_on_as_usual)
      : probe_(std::move(probe)), started_(started) {}
  void run(int stop_fd, kinds::SampleSink& sink) override {
    go_first(started_);
    probe_->run(stop_fd, sink);
  }

 private:
  std::unique_ptr<kinds::Probe> probe_;
  Started started_;
};

/// Something was bad between two changes, the moment of each of which is known that well.
struct BadTime {
  std::int64_t begin_from_ns, begin_by_ns;
  std::int64_t end_from_ns, end_by_ns;
  std::int64_t answered_ns = 0;  ///< first answer after it, as the server tells; 0: unknown
};
/// Of a server that was told to be bad once and then healthy.
BadTime bad_time_of(const std::vector<ScriptedServer::Change>& changes);

struct Expected {
  kinds::Outcome outcome;
  std::int64_t period_ns;
  std::int64_t slow_ns;
  bool stands_still = false;  ///< what is due meanwhile is answered when it is over
  /// What waits for so long has a timeout for its outcome; 0: nothing does.
  std::int64_t deadline_ns = 0;
};

/// Expects that what was asked and answered while it was bad has the outcome, that everything else
/// was good, and that there is one outage whose bounds contain the truth, each end off by a period
/// at most. What was on its way at a change may have met either. What the machine itself took is
/// not the probe's error: when the watch was kept waiting, or requests of a healthy server took
/// longer than a period, bounds are wider by just that, and the test says so.
void expect_truth(const std::vector<kinds::Sample>& samples, const BadTime& truth,
                  const Expected& expected, StandstillWatch& watch);

/// Why nothing can be told of the probe: the machine has far too much to do, and it shows in what a
/// healthy server's answers took. Empty: it has not.
std::string too_busy(const std::vector<kinds::Sample>& samples, const BadTime& truth);

/// Expects a finding's two ends within the rounds that saw it otherwise: told by the `looks`th
/// whole round after the change at the latest, and not believed to be older than as many before.
void expect_found_between(const std::vector<kinds::Finding>& findings,
                          const std::vector<kinds::Round>& rounds, const std::string& what,
                          const BadTime& truth, std::size_t looks);

}  // namespace nospof::test
