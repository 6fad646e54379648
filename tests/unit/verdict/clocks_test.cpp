// Clocks of hosts that are simulated: what the readings say of them, and that every interval made
// of their times contains the truth.

#include "verdict/clocks.hpp"

#include <random>

#include <gtest/gtest.h>

#include "tests/unit/verdict/judged.hpp"

namespace nospof::verdict {
namespace {

using kinds::Outcome;
using test::first_cell;
using test::ms;
using test::s;

/// A clock that was `ahead` of the true time at 0 and goes wrong by `drift` of the time.
struct SimulatedClock {
  std::int64_t ahead_ns = 0;
  double drift = 0;
  std::int64_t at(std::int64_t true_ns) const {
    return true_ns + ahead_ns + std::llround(static_cast<double>(true_ns) * drift);
  }
};

/// A question at `sent_ns` whose way there and back took so long.
ClockReading reading(const SimulatedClock& clock, std::int64_t sent_ns, std::int64_t there_ns,
                     std::int64_t back_ns, const std::string& boot = "b1") {
  return {"db1", boot, sent_ns, clock.at(sent_ns + there_ns), sent_ns + there_ns + back_ns, false};
}

TEST(Clocks, TheTruthIsInTheMiddleGiveOrTakeHalfTheRoundTrip) {
  const SimulatedClock clock{1000 * s, 0};
  const HostClocks clocks({reading(clock, 10 * s, 3 * ms, 1 * ms)});
  const ClockOffset offset = clocks.at("db1", clock.at(10 * s + 3 * ms));
  EXPECT_EQ(offset.ahead, Nanoseconds(1000 * s + ms));
  EXPECT_EQ(offset.uncertainty, Nanoseconds(2 * ms));
  EXPECT_TRUE(offset.consistent);
  EXPECT_FALSE(clocks.is_own("db1"));
}

TEST(Clocks, UncertaintyGrowsWithTheTimeSinceAReading) {
  const SimulatedClock clock{-5 * s, 0};
  const HostClocks clocks({reading(clock, 10 * s, ms, ms)});
  const auto at = [&](std::int64_t true_ns) {
    return clocks.at("db1", clock.at(true_ns)).uncertainty;
  };
  EXPECT_EQ(at(10 * s + ms), Nanoseconds(ms));
  EXPECT_EQ(at(20 * s + ms), Nanoseconds(3 * ms)) << "200 ppm of 10 s more";
  EXPECT_EQ(at(0 + ms), Nanoseconds(3 * ms)) << "and before it, too";
}

TEST(Clocks, OnlyTheSameClockIsZeroForCertain) {
  ClockReading same = reading({}, 10 * s, 50 * ms, 50 * ms);
  same.same = true;
  const HostClocks clocks({same});
  EXPECT_TRUE(clocks.is_own("db1"));
  EXPECT_EQ(clocks.at("db1", 5000 * s).ahead, Nanoseconds(0));
  EXPECT_EQ(clocks.at("db1", 5000 * s).uncertainty, Nanoseconds(0));
  // A clock that seems to be the same is not for that.
  const HostClocks alike({reading({}, 10 * s, ms, ms)});
  EXPECT_FALSE(alike.is_own("db1"));
  EXPECT_EQ(alike.at("db1", 10 * s).ahead, Nanoseconds(0));
  EXPECT_GT(alike.at("db1", 10 * s).uncertainty, Nanoseconds(0));
}

TEST(Clocks, AHostThatNobodyAskedIsOfOneMachine) {
  const HostClocks clocks;
  EXPECT_FALSE(clocks.known("db1"));
  EXPECT_EQ(clocks.to_own("db1", 7 * s), 7 * s);
}

TEST(Clocks, ABootBeginsAnew) {
  const SimulatedClock before{100'000 * s, 0};
  const SimulatedClock after{-200 * s, 0};
  const HostClocks clocks({reading(before, 100 * s, ms, ms), reading(before, 140 * s, ms, ms),
                           reading(after, 260 * s, ms, ms, "b2")});
  EXPECT_NEAR(static_cast<double>(clocks.to_own("db1", before.at(150 * s))), 150 * s, 5 * ms);
  EXPECT_NEAR(static_cast<double>(clocks.to_own("db1", after.at(270 * s))), 270 * s, 5 * ms);
  EXPECT_TRUE(clocks.worst("db1").consistent);
}

TEST(Clocks, AClockThatWasSetContradictsItself) {
  const HostClocks clocks(
      {reading({5 * s, 0}, 100 * s, ms, ms), reading({6 * s, 0}, 110 * s, ms, ms)});
  const ClockOffset worst = clocks.worst("db1");
  EXPECT_FALSE(worst.consistent);
  EXPECT_GT(worst.uncertainty, Nanoseconds(400 * ms)) << "either may be true";

  RunRecord run = test::one_cell_run(test::always_ok);
  run.clock_readings = {reading({5 * s, 0}, 100 * s, ms, ms), reading({6 * s, 0}, 110 * s, ms, ms)};
  ClockReading own = reading({}, 100 * s, ms, ms);
  for (const char* host : {"client", "web1"}) {
    own.host = host;
    own.same = true;
    run.clock_readings.push_back(own);
  }
  map_event_times(run);
  const RunResult result = judge(run);
  ASSERT_EQ(result.reasons.size(), 1U);
  EXPECT_NE(result.reasons[0].find("clock of db1"), std::string::npos);
  EXPECT_EQ(result.verdict, Verdict::inconclusive);
}

TEST(Clocks, AHostWhoseClockWasNotComparedIsNoPass) {
  RunRecord run = test::one_cell_run(test::always_ok);
  EXPECT_EQ(judge(run).verdict, Verdict::pass) << "a record from before there were readings";
  run.clock_readings = {reading({}, 100 * s, ms, ms)};
  map_event_times(run);
  const RunResult result = judge(run);
  EXPECT_EQ(result.verdict, Verdict::inconclusive);
  ASSERT_EQ(result.reasons.size(), 1U);
  EXPECT_NE(result.reasons[0].find("clock of client was never compared"), std::string::npos);
}

TEST(ClocksProperty, TheTruthIsNeverOutside) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto up_to = [&](std::int64_t most) {
      return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most));
    };
    const SimulatedClock clock{up_to(2'000'000 * s) - 1'000'000 * s,
                               (static_cast<double>(up_to(380)) - 190) * 1e-6};
    std::vector<ClockReading> readings;
    for (std::int64_t at = 100 * s; at < 400 * s; at += 5 * s + up_to(40 * s))
      readings.push_back(reading(clock, at, up_to(30 * ms) + 1000, up_to(30 * ms) + 1000));
    const HostClocks clocks(readings);
    for (int i = 0; i < 100; ++i) {
      const std::int64_t true_ns = 80 * s + up_to(350 * s);
      const ClockOffset offset = clocks.at("db1", clock.at(true_ns));
      EXPECT_TRUE(offset.consistent);
      EXPECT_LE(std::abs(clocks.to_own("db1", clock.at(true_ns)) - true_ns),
                offset.uncertainty.count() + 1);
      EXPECT_LE(
          std::abs(clocks.at_own("db1", true_ns).ahead.count() - (clock.at(true_ns) - true_ns)),
          clocks.at_own("db1", true_ns).uncertainty.count() + 20'000)
          << "the offset at about that time";
    }
  }
}

// The prober and the host that is hit have clocks of their own; the outage, when users were served
// again and when an alert came are known on the controller's all the same.
TEST(ClocksProperty, IntervalsOfShiftedClocksContainTheTruth) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto up_to = [&](std::int64_t most) {
      return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most));
    };
    const std::int64_t begin = test::injected + 5 * ms;
    const std::int64_t end = begin + 200 * ms + up_to(1500 * ms);
    RunRecord run = test::one_cell_run(test::fails_between(begin, end));
    const std::int64_t alerted = begin + 700 * ms;
    run.observers = {{"monitoring", "monitoring", "mon1"}};
    run.looks = {{"monitoring", "mon1", {begin, begin + ms, 1, 0}}};
    run.sightings = {
        {alerted + 200 * ms,
         "monitoring",
         "mon1",
         {alerted + 50 * ms, alerted - 50 * ms, "alert", "Down web1", "", false, false, 1}}};
    for (Step& step : run.cells[0].steps) step.clock = step.host;
    std::map<std::string, SimulatedClock> clocks;
    for (const char* host : {"client", "web1", "mon1"}) {
      clocks[host] = {up_to(20'000 * s) - 10'000 * s,
                      (static_cast<double>(up_to(300)) - 150) * 1e-6};
      for (std::int64_t at = first_cell - s; at < first_cell + 9 * s; at += 4 * s) {
        ClockReading one = reading(clocks[host], at, up_to(20 * ms) + 1000, up_to(20 * ms) + 1000);
        one.host = host;
        run.clock_readings.push_back(one);
      }
    }
    for (kinds::Sample& sample : run.samples)
      for (std::int64_t* at : {&sample.scheduled_ns, &sample.started_ns, &sample.finished_ns})
        *at = clocks["client"].at(*at);
    for (Step& step : run.cells[0].steps) step.at_ns = clocks["web1"].at(step.at_ns);
    for (std::int64_t* at : {&run.sightings[0].finding.at_ns, &run.sightings[0].finding.since_ns,
                             &run.looks[0].round.begin_ns, &run.looks[0].round.end_ns})
      *at = clocks["mon1"].at(*at);

    map_event_times(run);
    map_sample_times(run);
    const CellResult cell = test::judged(run);
    ASSERT_EQ(cell.outages.size(), 1U);
    EXPECT_GT(cell.clock_uncertainty, Nanoseconds(0));
    const auto contains = [](const Interval& interval, std::int64_t truth_ns) {
      return interval.lower.count() <= truth_ns && interval.upper &&
             interval.upper->count() >= truth_ns;
    };
    EXPECT_TRUE(contains(cell.longest, end - begin)) << interval_text(cell.longest);
    ASSERT_TRUE(cell.recovery.has_value());
    EXPECT_TRUE(contains(*cell.recovery, end - test::injected)) << interval_text(*cell.recovery);
    ASSERT_TRUE(cell.seen.detected.has_value());
    EXPECT_TRUE(contains(*cell.seen.detected, alerted - test::injected))
        << interval_text(*cell.seen.detected);
    EXPECT_LT(cell.longest.upper->count(), end - begin + 150 * ms) << "and not by being vague";
  }
}

}  // namespace
}  // namespace nospof::verdict
