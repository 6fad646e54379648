#include "tests/kernel/truth.hpp"

#include <algorithm>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace nospof::test {

using kinds::Outcome;
using kinds::Sample;
using verdict::Outage;

namespace {

constexpr Nanoseconds settle{300'000'000};

std::string in_ms(std::int64_t ns) {
  return fmt::format("{:.3f} ms", static_cast<double>(ns) / 1e6);
}

/// What it must be; nothing for a request that a change met on its way.
std::optional<Outcome> due_outcome(const Sample& sample, const BadTime& truth,
                                   const Expected& expected) {
  if (sample.finished_ns < truth.begin_from_ns || sample.scheduled_ns > truth.end_by_ns)
    return Outcome::ok;
  if (sample.started_ns <= truth.begin_by_ns) return std::nullopt;
  if (!expected.stands_still) {
    if (sample.finished_ns >= truth.end_from_ns) return std::nullopt;
    return expected.outcome;
  }
  // Under way until its end. A late one is bad by its own latency only.
  if (truth.end_from_ns - sample.scheduled_ns > expected.slow_ns) return expected.outcome;
  return std::nullopt;
}

void expect_classes(const std::vector<Sample>& samples, const BadTime& truth,
                    const Expected& expected) {
  std::size_t bad = 0;
  for (const Sample& sample : samples) {
    const auto wanted = due_outcome(sample, truth, expected);
    if (!wanted) continue;
    if (*wanted != Outcome::ok) ++bad;
    if (*wanted == Outcome::slow && sample.outcome == Outcome::timeout &&
        expected.deadline_ns > 0 &&
        sample.finished_ns - sample.scheduled_ns >= expected.deadline_ns)
      continue;
    EXPECT_EQ(kinds::outcome_name(sample.outcome), kinds::outcome_name(*wanted))
        << "request " << sample.sequence << ", detail " << sample.detail << ", due "
        << in_ms(sample.scheduled_ns - truth.begin_by_ns) << " after it began to be bad, took "
        << in_ms(sample.finished_ns - sample.scheduled_ns);
  }
  EXPECT_GT(bad, 5U) << "too few to say anything";
}

/// Of those that nothing was wrong with.
std::int64_t slowest_answer(const std::vector<Sample>& samples, const BadTime& truth) {
  std::int64_t slowest = 0;
  for (const Sample& sample : samples)
    if (sample.finished_ns < truth.begin_from_ns || sample.scheduled_ns > truth.end_by_ns)
      slowest = std::max(slowest, sample.finished_ns - sample.scheduled_ns);
  return slowest;
}

/// When the last one had its answer that was due before the end.
std::int64_t all_answered(const std::vector<Sample>& samples, const BadTime& truth) {
  std::int64_t last_ns = 0;
  for (const Sample& sample : samples)
    if (sample.scheduled_ns < truth.end_from_ns) last_ns = std::max(last_ns, sample.finished_ns);
  return last_ns;
}

const Sample& due_at(const std::vector<Sample>& samples, std::int64_t scheduled_ns) {
  return *std::ranges::find(samples, scheduled_ns, &Sample::scheduled_ns);
}

/// Nobody is to believe that an end was held to one period when it was not.
void tell_what_the_machine_took(std::int64_t more_ns) {
  if (more_ns <= 0) return;
  testing::Test::RecordProperty("machine_took", in_ms(more_ns));
  fmt::print("   the machine was busy: an end is off by {} more than a period\n", in_ms(more_ns));
}

}  // namespace

BadTime bad_time_of(const std::vector<ScriptedServer::Change>& changes) {
  EXPECT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes.at(1).behaviour, Behaviour::healthy);
  return {changes[0].from_ns, changes[0].by_ns, changes[1].from_ns, changes[1].by_ns,
          changes[1].answered_ns};
}

void expect_truth(const std::vector<Sample>& unsorted, const BadTime& truth,
                  const Expected& expected, StandstillWatch& watch) {
  std::vector<Sample> samples = unsorted;
  std::ranges::sort(samples, verdict::earlier);
  expect_classes(samples, truth, expected);
  const auto outages =
      verdict::find_outages(samples, settle, verdict::late_limit(Nanoseconds(expected.period_ns)));
  ASSERT_EQ(outages.size(), 1U);
  const Outage& outage = outages[0];
  ASSERT_TRUE(outage.last_ok_before_ns && outage.over_by_ns());
  const Sample& first_bad = due_at(samples, outage.first_bad_ns);
  const Sample& first_ok = due_at(samples, *outage.first_ok_after_ns);
  const std::int64_t period = expected.period_ns;
  // The machine's own doing: the processor, given to others, at either end.
  constexpr std::int64_t around = 500'000'000;
  const std::int64_t back_ns = std::max(truth.end_by_ns, truth.answered_ns);
  const std::int64_t stood_at_begin =
      watch.total_ns(truth.begin_from_ns - around, truth.begin_by_ns + around);
  const std::int64_t stood_at_end = watch.total_ns(truth.end_from_ns - around, back_ns + around);

  // A request on its way when something changes counts by when it was due.
  const std::int64_t on_its_way =
      std::max<std::int64_t>(truth.begin_from_ns - first_bad.scheduled_ns, 0);
  const std::int64_t came_through =
      expected.stands_still ? 0
                            : std::max<std::int64_t>(truth.end_from_ns - first_ok.scheduled_ns, 0);
  EXPECT_GE(first_bad.finished_ns, truth.begin_from_ns) << "failed before anything was wrong";
  EXPECT_LE(on_its_way, slowest_answer(samples, truth) + stood_at_begin);

  // The beginning: contained, and off by one period at most.
  EXPECT_LE(*outage.last_ok_before_ns, truth.begin_by_ns);
  EXPECT_LE(outage.first_bad_ns - truth.begin_by_ns, period);
  EXPECT_LE(truth.begin_from_ns - *outage.last_ok_before_ns, period + on_its_way);

  // The end.
  EXPECT_LE(outage.last_bad_ns, truth.end_by_ns)
      << in_ms(outage.last_bad_ns - truth.end_by_ns) << " too late";
  EXPECT_LE(came_through, slowest_answer(samples, truth) + stood_at_end);
  EXPECT_GE(*outage.over_by_ns() + came_through, truth.end_from_ns)
      << in_ms(truth.end_from_ns - *outage.over_by_ns()) << " too early";
  // What was due last before a stall ended was not too late: it was served.
  const std::int64_t in_time = expected.stands_still ? expected.slow_ns : 0;
  EXPECT_LE(truth.end_from_ns - outage.last_bad_ns, period + came_through + in_time);
  // All that waited is answered at once; that takes the probe its time, too. Otherwise the answer
  // itself does, and counts when it takes longer than a period.
  const std::int64_t answer =
      std::max(slowest_answer(samples, truth), first_ok.finished_ns - first_ok.scheduled_ns);
  const std::int64_t burst = expected.stands_still ? all_answered(samples, truth) - back_ns
                             : answer > period     ? answer
                                                   : 0;
  EXPECT_LE(*outage.over_by_ns() - back_ns, period + burst + stood_at_end)
      << in_ms(*outage.over_by_ns() - back_ns) << " too late";
  tell_what_the_machine_took(*outage.over_by_ns() - back_ns - period -
                             (expected.stands_still ? burst : 0));

  // So the interval contains how long it was bad.
  const auto length = outage.length();
  EXPECT_LE(length.lower.count(), truth.end_by_ns - truth.begin_from_ns + on_its_way);
  EXPECT_GE(length.upper->count() + came_through, truth.end_from_ns - truth.begin_by_ns);
}

std::string too_busy(const std::vector<Sample>& samples, const BadTime& truth) {
  constexpr std::int64_t undecidable_ns = 400'000'000;
  const std::int64_t slowest = slowest_answer(samples, truth);
  double load = 0;
  // That answers are slow alone is no excuse: it could be the probe.
  if (slowest < undecidable_ns || ::getloadavg(&load, 1) != 1 ||
      load < 2 * std::thread::hardware_concurrency())
    return "";
  return fmt::format("the machine is too busy (load {}): answers of a healthy server took {}", load,
                     in_ms(slowest));
}

void expect_found_between(const std::vector<kinds::Finding>& findings,
                          const std::vector<kinds::Round>& rounds, const std::string& what,
                          const BadTime& truth, std::size_t looks) {
  ASSERT_EQ(findings.size(), 2U) << "one finding, and its end";
  const auto expect_end = [&](const kinds::Finding& finding, bool over, std::int64_t from_ns,
                              std::int64_t by_ns) {
    EXPECT_EQ(finding.what, what) << finding.detail;
    EXPECT_EQ(finding.over, over);
    EXPECT_LE(finding.since_ns, by_ns) << what;
    EXPECT_GE(finding.at_ns, from_ns) << what;
    std::vector<kinds::Round> before;
    std::vector<kinds::Round> after;
    for (const kinds::Round& round : rounds) {
      if (round.end_ns < from_ns) before.push_back(round);
      if (round.begin_ns > by_ns) after.push_back(round);
    }
    ASSERT_GE(before.size(), looks);
    ASSERT_GE(after.size(), looks);
    EXPECT_GE(finding.since_ns, before[before.size() - looks].begin_ns) << what;
    EXPECT_LE(finding.at_ns, after[looks - 1].end_ns) << what;
  };
  expect_end(findings[0], false, truth.begin_from_ns, truth.begin_by_ns);
  expect_end(findings[1], true, truth.end_from_ns, truth.end_by_ns);
}

}  // namespace nospof::test
