#pragma once
// A run of a probe that looks, on a thread of its own, and what it has told so far.

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/eventfd.h>

#include "kinds/probe.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::test {

/// What a probe told, to be asked from another thread.
class LookingSink final : public kinds::SampleSink {
 public:
  void add(const kinds::Sample&) override { ADD_FAILURE() << "a probe that looks has no samples"; }
  void lateness(std::int64_t) override {}
  void found(const kinds::Finding& finding) override {
    const std::lock_guard lock(mutex_);
    findings_.push_back(finding);
    changed_.notify_all();
  }
  void looked(const kinds::Round& round) override {
    const std::lock_guard lock(mutex_);
    rounds_.push_back(round);
    changed_.notify_all();
  }
  void expects(const std::vector<kinds::Expectation>& all) override {
    const std::lock_guard lock(mutex_);
    for (const kinds::Expectation& each : all)
      expected_.push_back(each.subject + " " + each.expected);
  }
  void decided(const std::vector<std::size_t>& places) override {
    const std::lock_guard lock(mutex_);
    for (const std::size_t place : places) decided_.push_back(expected_.at(place));
  }

  /// Waits, for as long as a very slow machine may need; false when it never came.
  bool wait_until(const std::function<bool()>& so) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(5), so);
  }
  // Inside of wait_until(), or after the end of the run.
  const std::vector<kinds::Finding>& findings() const { return findings_; }
  const std::vector<kinds::Round>& rounds() const { return rounds_; }
  /// What the probe looks at, "SUBJECT EXPECTED", and what of it it told to be decided, so far.
  const std::vector<std::string>& expected() const { return expected_; }
  const std::vector<std::string>& decided() const { return decided_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<kinds::Finding> findings_;
  std::vector<kinds::Round> rounds_;
  std::vector<std::string> expected_;
  std::vector<std::string> decided_;
};

class LookRun {
 public:
  /// `network`: namespace that it runs in; -1: the test's own. Throws what making the probe throws.
  LookRun(const kinds::ProbeKind& kind, const boost::json::object& config, int network = -1)
      : stop_(check("eventfd", ::eventfd(0, EFD_CLOEXEC))) {
    std::exception_ptr failure;
    bool made = false;
    thread_ = std::thread([&, network, this] {
      std::unique_ptr<kinds::Probe> probe;
      try {
        if (network >= 0) check("setns", ::setns(network, CLONE_NEWNET));
        probe = kind.make(config);
      } catch (...) {
        failure = std::current_exception();
      }
      const bool runs = !failure;
      {
        const std::lock_guard lock(mutex_);
        made = true;
        changed_.notify_all();
      }
      if (runs) probe->run(stop_.get(), sink_);
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return made; });
    lock.unlock();
    if (!failure) return;
    thread_.join();
    std::rethrow_exception(failure);
  }
  ~LookRun() { stop(); }
  LookRun(const LookRun&) = delete;
  LookRun& operator=(const LookRun&) = delete;

  void stop() {
    if (!thread_.joinable()) return;
    const std::uint64_t one = 1;
    write_all(stop_.get(), {reinterpret_cast<const char*>(&one), sizeof one}, "stop event");
    thread_.join();
  }

  /// Waits for so many more rounds in which every look told something.
  bool wait_for_decided_rounds(std::size_t more) {
    return wait_for_rounds(more, [](const kinds::Round& round) { return round.undecided == 0; });
  }
  /// Waits for so many more rounds in which no look told anything.
  bool wait_for_undecided_rounds(std::size_t more) {
    return wait_for_rounds(
        more, [](const kinds::Round& round) { return round.undecided == round.checked; });
  }
  bool wait_for_finding(const std::string& what, bool over = false) {
    return sink_.wait_until([&] {
      return std::ranges::any_of(sink_.findings(), [&](const kinds::Finding& finding) {
        return finding.what == what && finding.over == over;
      });
    });
  }
  /// "tls-expired" or "over: tls-expired", in the order in which they were told. Ends the run.
  std::vector<std::string> told() {
    stop();
    std::vector<std::string> told;
    for (const kinds::Finding& finding : sink_.findings())
      told.push_back((finding.over ? "over: " : "") + finding.what);
    return told;
  }
  LookingSink& sink() { return sink_; }

 private:
  bool wait_for_rounds(std::size_t more, const std::function<bool(const kinds::Round&)>& counts) {
    std::size_t from = SIZE_MAX;
    return sink_.wait_until([&] {
      if (from == SIZE_MAX) from = sink_.rounds().size();
      const auto begin = sink_.rounds().begin() + static_cast<std::ptrdiff_t>(from);
      return static_cast<std::size_t>(std::count_if(begin, sink_.rounds().end(), counts)) >= more;
    });
  }

  UniqueFd stop_;
  LookingSink sink_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace nospof::test
