#pragma once
// Runs a probe that looks inside a host, and waits for what it finds.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/json/object.hpp>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/eventfd.h>

#include "kinds/probe.hpp"
#include "system/check.hpp"
#include "system/clock.hpp"
#include "system/fd.hpp"
#include "tests/kernel/probe_run.hpp"

namespace nospof::test {

class LookingProbe final : public kinds::SampleSink {
 public:
  /// Makes and runs it on a thread of its own inside the network namespace. Throws what make()
  /// does.
  LookingProbe(int network_namespace_fd, std::unique_ptr<kinds::ProbeKind> kind,
               boost::json::object config)
      : stop_(check("eventfd", ::eventfd(0, EFD_CLOEXEC))), kind_(std::move(kind)) {
    std::promise<void> made;
    auto is_made = made.get_future();
    thread_ = std::thread([this, network_namespace_fd, &made, config = std::move(config)] {
      std::unique_ptr<kinds::Probe> probe;
      try {
        check("setns", ::setns(network_namespace_fd, CLONE_NEWNET));
        probe = kind_->make(config);
      } catch (...) {
        made.set_exception(std::current_exception());
        return;
      }
      made.set_value();
      try {
        probe->run(stop_.get(), *this);
      } catch (const std::exception& e) {
        ADD_FAILURE() << "the probe ended: " << e.what();
      }
    });
    try {
      is_made.get();
    } catch (...) {
      thread_.join();
      throw;
    }
  }
  ~LookingProbe() override { stop(); }
  LookingProbe(const LookingProbe&) = delete;
  LookingProbe& operator=(const LookingProbe&) = delete;

  /// Waits for its end.
  void stop() {
    if (!thread_.joinable()) return;
    const std::uint64_t one = 1;
    write_all(stop_.get(), {reinterpret_cast<const char*>(&one), sizeof one}, "stop event");
    thread_.join();
  }

  void add(const kinds::Sample& /*sample*/) override {}
  void lateness(std::int64_t /*worst_ns*/) override {}
  void found(const kinds::Finding& finding) override {
    telling_ = true;
    const std::lock_guard lock(mutex_);
    findings_.push_back(finding);
    telling_ = false;
    changed_.notify_all();
  }
  void looked(const kinds::Round& round) override {
    const std::lock_guard lock(mutex_);
    rounds_.push_back(round);
    changed_.notify_all();
  }

  std::vector<kinds::Finding> findings() const {
    const std::lock_guard lock(mutex_);
    return findings_;
  }
  std::vector<kinds::Round> rounds() const {
    const std::lock_guard lock(mutex_);
    return rounds_;
  }

  /// The first finding for which it is true, as soon as there is one; an empty one in vain.
  kinds::Finding wait_for(const std::function<bool(const kinds::Finding&)>& wanted) {
    kinds::Finding found;
    wait([&] {
      for (const kinds::Finding& each : findings_)
        if (wanted(each)) {
          found = each;
          return true;
        }
      return false;
    });
    EXPECT_NE(found.at_ns, 0) << "waited in vain";
    return found;
  }
  /// Makes it stand still in its next finding, which `cause` brings about, until what is returned
  /// is gone.
  std::unique_lock<std::mutex> hold_up(const std::function<void()>& cause) {
    std::unique_lock lock(mutex_);
    cause();
    for (int i = 0; !telling_ && i < 2000; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_TRUE(telling_);
    return lock;
  }
  /// Waits for a round for which it is true.
  void wait_for_round(const std::function<bool(const kinds::Round&)>& wanted) {
    EXPECT_TRUE(wait([&] { return std::any_of(rounds_.begin(), rounds_.end(), wanted); }));
  }
  /// Waits for a round that began after now: it has looked since.
  void wait_for_whole_round() {
    const std::int64_t from = mono_ns();
    EXPECT_TRUE(wait([&] { return !rounds_.empty() && rounds_.back().begin_ns >= from; }));
  }

 private:
  bool wait(const std::function<bool()>& done) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), done);
  }

  UniqueFd stop_;
  std::unique_ptr<kinds::ProbeKind> kind_;
  std::atomic<bool> telling_ = false;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<kinds::Finding> findings_;
  std::vector<kinds::Round> rounds_;
  std::thread thread_;
};

}  // namespace nospof::test
