#pragma once
// Runs of probes in tests, and what they tell.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <boost/json/object.hpp>

#include "kinds/probe.hpp"
#include "system/fd.hpp"

namespace nospof::test {

class CollectingSink : public kinds::SampleSink {
 public:
  void add(const kinds::Sample& sample) override {
    samples.push_back(sample);
    if (sample.outcome == kinds::Outcome::ok) ++ok;
  }
  void lateness(std::int64_t worst_ns) override { latenesses.push_back(worst_ns); }
  void found(const kinds::Finding& finding) override {
    const std::lock_guard lock(mutex);
    findings.push_back(finding);
  }
  void looked(const kinds::Round& round) override {
    const std::lock_guard lock(mutex);
    rounds.push_back(round);
  }
  void operated(const kinds::Operation& operation) override {
    const std::lock_guard lock(mutex);
    operations.push_back(operation);
  }
  std::vector<kinds::Sample> samples;
  std::vector<std::int64_t> latenesses;
  std::atomic<int> ok = 0;  ///< so many so far; the rest only once the run is over
  std::mutex mutex;         ///< of what follows
  std::vector<kinds::Finding> findings;
  std::vector<kinds::Round> rounds;
  std::vector<kinds::Operation> operations;
};

/// A run of a probe on a thread of its own.
class ProbeRun {
 public:
  explicit ProbeRun(std::unique_ptr<kinds::Probe> probe);
  ~ProbeRun();
  ProbeRun(const ProbeRun&) = delete;
  ProbeRun& operator=(const ProbeRun&) = delete;

  void stop();
  /// Waits until so many more requests were ok.
  void wait_for_ok(int more) const;
  /// Waits for its end; the samples in the order of their schedule.
  std::vector<kinds::Sample> samples();
  const std::vector<std::int64_t>& latenesses() const { return sink_.latenesses; }

  std::vector<kinds::Finding> findings();
  std::vector<kinds::Round> rounds();
  std::vector<kinds::Operation> operations();
  /// Waits until that is so of the findings, or of the rounds, so far.
  void wait_for_findings(std::size_t count);
  void wait_for_round(const std::function<bool(const kinds::Round&)>& wanted);

 private:
  std::unique_ptr<kinds::Probe> probe_;
  UniqueFd stop_;
  CollectingSink sink_;
  std::thread thread_;
};

/// Runs a probe to its own end ("count"); expects that every request became one sample.
std::vector<kinds::Sample> run_to_end(const kinds::ProbeKind& kind,
                                      const boost::json::object& config);
/// Expects that there are samples and that all are of this outcome (and detail, unless -1).
void expect_all(const std::vector<kinds::Sample>& samples, kinds::Outcome outcome, int detail = -1);
/// Expects that samples are of requests due at a constant rate from the first one on.
void expect_exact_schedule(const std::vector<kinds::Sample>& samples, double rate);
/// What a server that stood still from `frozen_ns` to `thawed_ns`, and answered everything rightly
/// otherwise, must have left behind: everything due in between waited for its end.
void expect_freeze_in_full(const std::vector<kinds::Sample>& samples, std::int64_t frozen_ns,
                           std::int64_t thawed_ns, double rate);
/// CLOCK_MONOTONIC nanoseconds.
std::int64_t mono_ns();

}  // namespace nospof::test
