#include "tests/kernel/probe_run.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/clock.hpp"

namespace nospof::test {

using kinds::Sample;

namespace {
constexpr auto look_again = std::chrono::milliseconds(5);
}  // namespace

ProbeRun::ProbeRun(std::unique_ptr<kinds::Probe> probe)
    : probe_(std::move(probe)),
      stop_(check("eventfd", ::eventfd(0, EFD_CLOEXEC))),
      thread_([this] { probe_->run(stop_.get(), sink_); }) {}

ProbeRun::~ProbeRun() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void ProbeRun::stop() {
  const std::uint64_t one = 1;
  write_all(stop_.get(), {reinterpret_cast<const char*>(&one), sizeof one}, "stop event");
}

void ProbeRun::wait_for_ok(int more) const {
  const int enough = sink_.ok + more;
  while (sink_.ok < enough) std::this_thread::sleep_for(look_again);
}

std::vector<Sample> ProbeRun::samples() {
  if (thread_.joinable()) thread_.join();
  std::vector<Sample> samples = sink_.samples;
  std::sort(samples.begin(), samples.end(),
            [](const Sample& a, const Sample& b) { return a.sequence < b.sequence; });
  return samples;
}

std::vector<kinds::Finding> ProbeRun::findings() {
  const std::lock_guard lock(sink_.mutex);
  return sink_.findings;
}

std::vector<kinds::Round> ProbeRun::rounds() {
  const std::lock_guard lock(sink_.mutex);
  return sink_.rounds;
}

std::vector<kinds::Operation> ProbeRun::operations() {
  const std::lock_guard lock(sink_.mutex);
  return sink_.operations;
}

void ProbeRun::wait_for_findings(std::size_t count) {
  while (findings().size() < count) std::this_thread::sleep_for(look_again);
}

void ProbeRun::wait_for_round(const std::function<bool(const kinds::Round&)>& wanted) {
  const std::size_t so_far = rounds().size();
  for (;;) {
    const auto all = rounds();
    for (std::size_t i = so_far; i < all.size(); ++i)
      if (wanted(all[i])) return;
    std::this_thread::sleep_for(look_again);
  }
}

std::vector<Sample> run_to_end(const kinds::ProbeKind& kind, const boost::json::object& config) {
  std::vector<Sample> samples = ProbeRun(kind.make(config)).samples();
  EXPECT_EQ(samples.size(), config.at("count").to_number<std::size_t>());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(samples[i].sequence, i);
    EXPECT_GE(samples[i].started_ns, samples[i].scheduled_ns);
    EXPECT_GE(samples[i].finished_ns, samples[i].started_ns);
  }
  return samples;
}

void expect_all(const std::vector<Sample>& samples, kinds::Outcome outcome, int detail) {
  EXPECT_FALSE(samples.empty());
  for (const Sample& sample : samples) {
    EXPECT_EQ(kinds::outcome_name(sample.outcome), kinds::outcome_name(outcome))
        << "request " << sample.sequence << ", detail " << sample.detail;
    if (detail >= 0) {
      EXPECT_EQ(sample.detail, detail) << "request " << sample.sequence;
    }
  }
}

void expect_exact_schedule(const std::vector<Sample>& samples, double rate) {
  ASSERT_FALSE(samples.empty());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    ASSERT_EQ(samples[i].sequence, i);
    const auto offset = std::llround(static_cast<double>(i) * 1e9 / rate);
    ASSERT_NEAR(static_cast<double>(samples[i].scheduled_ns - samples[0].scheduled_ns),
                static_cast<double>(offset), 1.0);
  }
}

void expect_freeze_in_full(const std::vector<Sample>& samples, std::int64_t frozen_ns,
                           std::int64_t thawed_ns, double rate) {
  expect_exact_schedule(samples, rate);
  std::int64_t first_due = INT64_MAX;
  std::int64_t last_answer = 0;
  double due_in_between = 0;
  for (const Sample& sample : samples) {
    if (sample.scheduled_ns < frozen_ns || sample.scheduled_ns >= thawed_ns) continue;
    ++due_in_between;
    first_due = std::min(first_due, sample.scheduled_ns);
    last_answer = std::max(last_answer, sample.finished_ns);
    EXPECT_GE(sample.finished_ns, thawed_ns) << "request " << sample.sequence;
    EXPECT_GE(sample.finished_ns - sample.scheduled_ns, thawed_ns - sample.scheduled_ns);
  }
  const auto period_ns = static_cast<std::int64_t>(1e9 / rate) + 1;
  EXPECT_NEAR(due_in_between, static_cast<double>(thawed_ns - frozen_ns) / 1e9 * rate, 1.0);
  // The outage as measured contains the real one but for the period in which it began.
  EXPECT_LE(first_due - frozen_ns, period_ns);
  EXPECT_GE(last_answer, thawed_ns);
}

std::int64_t mono_ns() {
  return SystemClock().now().time_since_epoch().count();
}

}  // namespace nospof::test
