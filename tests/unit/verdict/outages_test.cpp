#include "verdict/outages.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "tests/unit/verdict/scenario.hpp"

namespace nospof::verdict {
namespace {

using kinds::Outcome;
using kinds::Sample;
using test::ms;
using test::s;

constexpr Nanoseconds settle{1 * s};
constexpr Nanoseconds late{50 * ms};

std::vector<Outage> outages_of(const std::vector<Sample>& samples) {
  return find_outages(samples, settle, late);
}

TEST(Outages, NoneWhenAllIsServed) {
  const auto outages = outages_of(test::stream(0, 3 * s, test::always_ok));
  EXPECT_TRUE(outages.empty());
  EXPECT_EQ(longest_of(outages), Interval{});
  EXPECT_EQ(interval_text(longest_of(outages)), "none");
}

TEST(Outages, NoneWithoutSamples) {
  EXPECT_TRUE(outages_of({}).empty());
}

TEST(Outages, ASingleFailureLastedBetweenNothingAndTwoPeriods) {
  const auto outages = outages_of(test::stream(0, 3 * s, test::fails_between(s, s + 1)));
  ASSERT_EQ(outages.size(), 1U);
  EXPECT_EQ(outages[0].length().lower, Nanoseconds(0));
  EXPECT_EQ(outages[0].length().upper, Nanoseconds(40 * ms));
  EXPECT_EQ(outages[0].failed, 1U);
  EXPECT_FALSE(outages[0].unfinished);
  EXPECT_EQ(interval_text(outages[0].length()), "at most 40 ms");
}

TEST(Outages, LengthIsFromFirstToLastFailureAndFromGoodToGood) {
  const auto outages =
      outages_of(test::stream(0, 6 * s, test::fails_between(s, 3 * s, Outcome::timeout)));
  ASSERT_EQ(outages.size(), 1U);
  const Outage& outage = outages[0];
  EXPECT_EQ(outage.first_bad_ns, s);
  EXPECT_EQ(outage.last_bad_ns, 3 * s - 20 * ms);
  EXPECT_EQ(outage.last_ok_before_ns, s - 20 * ms);
  EXPECT_EQ(outage.first_ok_after_ns, 3 * s);
  EXPECT_EQ(outage.length().lower, Nanoseconds(1980 * ms));
  EXPECT_EQ(outage.length().upper, Nanoseconds(2020 * ms));
  EXPECT_EQ(outage.classes[static_cast<std::size_t>(Outcome::timeout)], 100U);
  EXPECT_EQ(outage.failed, 100U);
  EXPECT_EQ(outage.served, 0U);
}

TEST(Outages, EverySecondRequestFailingIsOneLongOutage) {
  const auto outages = outages_of(test::stream(0, 10 * s, [](std::int64_t at) {
    return at >= s && at < 6 * s && (at / (20 * ms)) % 2 == 0 ? Outcome::reset : Outcome::ok;
  }));
  ASSERT_EQ(outages.size(), 1U);
  EXPECT_EQ(outages[0].length().lower, Nanoseconds(4960 * ms));
  EXPECT_EQ(outages[0].length().upper, Nanoseconds(5000 * ms));
  EXPECT_EQ(outages[0].failed, 125U);
  EXPECT_EQ(outages[0].served, 124U);
}

TEST(Outages, AFailureJustBeforeSettlingProlongsAndJustAfterBeginsAnew) {
  const auto with_second_failure_at = [](std::int64_t second) {
    return outages_of(test::stream(0, 10 * s, [second](std::int64_t at) {
      return at == s || at == second ? Outcome::reset : Outcome::ok;
    }));
  };
  const std::int64_t first_ok = s + 20 * ms;
  EXPECT_EQ(with_second_failure_at(first_ok + s - 20 * ms).size(), 1U);
  const auto two = with_second_failure_at(first_ok + s);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[0].first_ok_after_ns, first_ok);
  EXPECT_EQ(two[1].first_bad_ns, first_ok + s);
  EXPECT_EQ(two[1].last_ok_before_ns, first_ok + s - 20 * ms);
}

TEST(Outages, LateAnswersAreNotServed) {
  const auto outages =
      outages_of(test::stream(0, 5 * s, test::fails_between(s, 2 * s, Outcome::slow)));
  ASSERT_EQ(outages.size(), 1U);
  EXPECT_EQ(outages[0].classes[static_cast<std::size_t>(Outcome::slow)], 50U);
}

TEST(Outages, LocalErrorsAreMissingDataAndWidenTheUpperBoundOnly) {
  const auto alone =
      outages_of(test::stream(0, 5 * s, test::fails_between(s, 2 * s, Outcome::local_error)));
  EXPECT_TRUE(alone.empty());
  const auto around = outages_of(test::stream(0, 5 * s, [](std::int64_t at) {
    if (at >= s && at < s + 100 * ms) return Outcome::reset;
    if (at >= s - 200 * ms && at < s + 400 * ms) return Outcome::local_error;
    return Outcome::ok;
  }));
  ASSERT_EQ(around.size(), 1U);
  EXPECT_EQ(around[0].length().lower, Nanoseconds(80 * ms));
  EXPECT_EQ(around[0].length().upper, Nanoseconds(620 * ms));
}

TEST(Outages, OpenWhenTheDataEndBeforeItSettled) {
  const auto outages = outages_of(test::stream(0, 3 * s, test::fails_between(s, 2100 * ms)));
  ASSERT_EQ(outages.size(), 1U);
  EXPECT_TRUE(outages[0].unfinished);
  EXPECT_EQ(outages[0].first_ok_after_ns, std::nullopt);
  EXPECT_EQ(outages[0].length().lower, Nanoseconds(1080 * ms));
  EXPECT_EQ(outages[0].length().upper, std::nullopt);
  EXPECT_EQ(outages[0].served, 45U);
  EXPECT_EQ(interval_text(outages[0].length()), "at least 1.08 s");
}

// A process that SIGSTOP held: everything due meanwhile is answered when it goes on.
std::vector<Sample> frozen(std::int64_t from, std::int64_t until, std::int64_t slow) {
  auto samples = test::stream(0, 6 * s, test::always_ok);
  for (Sample& sample : samples) {
    if (sample.scheduled_ns < from || sample.scheduled_ns >= until) continue;
    sample.finished_ns = until + ms;
    if (sample.finished_ns - sample.scheduled_ns > slow) sample.outcome = Outcome::slow;
  }
  return samples;
}

TEST(Outages, AStallMayLastUntilItsFirstAnswerAlsoWhereAnswersWereNotTooLate) {
  const auto outages = outages_of(frozen(s, 3 * s, 500 * ms));
  ASSERT_EQ(outages.size(), 1U);
  EXPECT_EQ(outages[0].last_bad_ns, 2500 * ms) << "what was due later was served";
  EXPECT_EQ(outages[0].first_ok_after_ns, 2520 * ms);
  EXPECT_EQ(outages[0].length().lower, Nanoseconds(1500 * ms));
  EXPECT_EQ(outages[0].length().upper, Nanoseconds(2021 * ms));
}

TEST(Outages, AStallThatMadeNobodyWaitTooLongIsNone) {
  EXPECT_TRUE(outages_of(frozen(s, 1400 * ms, 500 * ms)).empty());
}

TEST(Outages, AStallWithTimeOutsMayLastUntilItsFirstAnswer) {
  auto samples = frozen(s, 4 * s, 500 * ms);
  for (Sample& sample : samples)
    if (sample.finished_ns - sample.scheduled_ns > s) {
      sample.outcome = Outcome::timeout;
      sample.finished_ns = sample.scheduled_ns + s;
    }
  const auto outages = outages_of(samples);
  ASSERT_EQ(outages.size(), 1U);
  EXPECT_EQ(outages[0].length().lower, Nanoseconds(2500 * ms));
  EXPECT_EQ(outages[0].length().upper, Nanoseconds(3021 * ms));
}

// The network was away, and TCP sent what was lost again after a second.
TEST(Outages, LateAnswersOfRequestsThatWereLostDoNotProlongIt) {
  auto samples = test::stream(0, 4 * s, test::fails_between(s, 1200 * ms, Outcome::slow));
  for (Sample& sample : samples)
    if (sample.outcome == Outcome::slow) sample.finished_ns = sample.scheduled_ns + s + 5 * ms;
  const auto outages = outages_of(samples);
  ASSERT_EQ(outages.size(), 1U);
  EXPECT_EQ(outages[0].length().lower, Nanoseconds(180 * ms));
  EXPECT_EQ(outages[0].length().upper, Nanoseconds(220 * ms));
}

// Every answer takes a second, some a little more: it answers all the time.
TEST(Outages, AStackThatIsAlwaysLateIsNotSilent) {
  auto samples = test::stream(0, 5 * s, test::fails_between(s, 2 * s, Outcome::slow));
  for (Sample& sample : samples)
    if (sample.scheduled_ns >= s) sample.finished_ns = sample.scheduled_ns + s;
  const auto outages = outages_of(samples);
  ASSERT_EQ(outages.size(), 1U);
  EXPECT_EQ(outages[0].length().lower, Nanoseconds(980 * ms));
  EXPECT_EQ(outages[0].length().upper, Nanoseconds(1020 * ms));
}

TEST(Outages, AnotherClockMovesBothEnds) {
  auto outage = outages_of(test::stream(0, 4 * s, test::fails_between(s, 2 * s))).at(0);
  outage.clock = Nanoseconds(3 * ms);
  EXPECT_EQ(outage.length().lower, Nanoseconds(974 * ms));
  EXPECT_EQ(outage.length().upper, Nanoseconds(1026 * ms));
  outage.clock = Nanoseconds(2 * s);
  EXPECT_EQ(outage.length().lower, Nanoseconds(0));
}

TEST(Outages, OpenWhenTheDataBeginInsideOne) {
  const auto outages = outages_of(test::stream(0, 4 * s, test::fails_between(0, s)));
  ASSERT_EQ(outages.size(), 1U);
  EXPECT_FALSE(outages[0].unfinished);
  EXPECT_EQ(outages[0].last_ok_before_ns, std::nullopt);
  EXPECT_EQ(outages[0].length().upper, std::nullopt);
}

TEST(Outages, FailuresOfALateProberAreMarked) {
  auto samples = test::stream(0, 4 * s, test::fails_between(s, s + 100 * ms));
  for (Sample& sample : samples)
    if (sample.scheduled_ns >= s && sample.scheduled_ns < s + 60 * ms)
      sample.started_ns = sample.scheduled_ns + late.count() + 1;
  const auto outages = outages_of(samples);
  ASSERT_EQ(outages.size(), 1U);
  EXPECT_EQ(outages[0].started_late, 3U);
}

TEST(Outages, TheLongestIsBoundedByTheLargestOfEachBound) {
  Outage sure;
  sure.first_bad_ns = 10 * s;
  sure.last_bad_ns = 15 * s;
  sure.last_ok_before_ns = 10 * s - 20 * ms;
  sure.first_ok_after_ns = 15 * s + 20 * ms;
  Outage vague;
  vague.first_bad_ns = 40 * s;
  vague.last_bad_ns = 41 * s;
  vague.last_ok_before_ns = 33 * s;
  vague.first_ok_after_ns = 42 * s;
  EXPECT_EQ(longest_of({sure, vague}), (Interval{Nanoseconds(5 * s), Nanoseconds(9 * s)}));
  Outage open = vague;
  open.first_ok_after_ns.reset();
  EXPECT_EQ(longest_of({sure, open, vague}), (Interval{Nanoseconds(5 * s), std::nullopt}));
}

TEST(Outages, LateIsAPeriodButAtLeastFiftyMilliseconds) {
  EXPECT_EQ(late_limit(Nanoseconds(20 * ms)), Nanoseconds(50 * ms));
  EXPECT_EQ(late_limit(Nanoseconds(200 * ms)), Nanoseconds(200 * ms));
}

TEST(Outages, OnlyOkIsServedAndOnlyLocalErrorsAreUnknown) {
  for (std::size_t i = 0; i < kinds::outcome_count; ++i) {
    const auto outcome = static_cast<Outcome>(i);
    const Service expected = outcome == Outcome::ok            ? Service::served
                             : outcome == Outcome::local_error ? Service::unknown
                                                               : Service::failed;
    EXPECT_EQ(service_of(outcome), expected) << kinds::outcome_name(outcome);
  }
}

// The definition, word for word, without any thought for speed.
struct Expected {
  std::int64_t first_bad, last_bad;
  std::optional<std::int64_t> ok_before, ok_after;
  std::uint64_t failed;
};

std::vector<Expected> by_definition(const std::vector<Sample>& all) {
  std::vector<Sample> known;
  for (const Sample& sample : all)
    if (sample.outcome != Outcome::local_error) known.push_back(sample);
  const auto bad = [&](std::size_t i) { return known[i].outcome != Outcome::ok; };
  const auto settled_from = [&](std::size_t i) {
    bool something_after = false;
    for (const Sample& sample : known) {
      if (sample.scheduled_ns < known[i].scheduled_ns) continue;
      if (sample.scheduled_ns >= known[i].scheduled_ns + settle.count())
        something_after = true;
      else if (sample.outcome != Outcome::ok)
        return false;
    }
    return something_after;
  };
  std::vector<Expected> outages;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (!bad(i)) continue;
    Expected outage{known[i].scheduled_ns, 0, std::nullopt, std::nullopt, 0};
    if (i > 0) outage.ok_before = known[i - 1].scheduled_ns;
    for (; i < known.size() && !outage.ok_after; ++i) {
      if (bad(i)) {
        outage.last_bad = known[i].scheduled_ns;
        ++outage.failed;
      } else if (settled_from(i)) {
        outage.ok_after = known[i].scheduled_ns;
      }
    }
    --i;
    outages.push_back(outage);
  }
  return outages;
}

// Long good and bad stretches with flickering between, holes, and a schedule that is not exact.
std::vector<Sample> random_samples(std::mt19937_64& random) {
  const auto chance = [&random](double share) {
    return std::uniform_real_distribution<double>(0, 1)(random) < share;
  };
  std::vector<Sample> samples;
  std::int64_t at = 0;
  double bad_share = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    if (chance(0.03)) bad_share = chance(0.4) ? 1.0 : chance(0.5) ? 0.3 : 0.0;
    at += chance(0.02) ? 700 * ms : 20 * ms + static_cast<std::int64_t>(random() % 5) * ms;
    Sample sample{i, at, at, at + 5 * ms, Outcome::ok, 0};
    if (chance(bad_share)) sample.outcome = Outcome::http_status;
    if (chance(0.02)) sample.outcome = Outcome::local_error;
    samples.push_back(sample);
  }
  return samples;
}

TEST(OutagesProperty, AgreeWithTheDefinition) {
  std::size_t found = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto samples = random_samples(random);
    const auto expected = by_definition(samples);
    const auto outages = outages_of(samples);
    ASSERT_EQ(outages.size(), expected.size());
    found += outages.size();
    for (std::size_t i = 0; i < outages.size(); ++i) {
      ASSERT_EQ(outages[i].first_bad_ns, expected[i].first_bad);
      ASSERT_EQ(outages[i].last_bad_ns, expected[i].last_bad);
      ASSERT_EQ(outages[i].last_ok_before_ns, expected[i].ok_before);
      ASSERT_EQ(outages[i].first_ok_after_ns, expected[i].ok_after);
      ASSERT_EQ(outages[i].unfinished, !expected[i].ok_after.has_value());
      ASSERT_EQ(outages[i].failed, expected[i].failed);
    }
  }
  EXPECT_GT(found, 400U) << "the generator makes too few outages to prove anything";
}

}  // namespace
}  // namespace nospof::verdict
