#include "verdict/live.hpp"

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

constexpr std::int64_t period = test::period_ns;

LiveView view_of(const std::vector<Sample>& samples) {
  LiveView view(period, s);
  for (const Sample& sample : samples) view.add(sample);
  return view;
}

std::vector<Sample> finished_by(std::vector<Sample> samples, std::int64_t now_ns) {
  std::erase_if(samples, [now_ns](const Sample& sample) { return sample.finished_ns > now_ns; });
  std::ranges::sort(samples, {}, &Sample::finished_ns);
  return samples;
}

TEST(LiveView, KnowsNothingWithoutSamples) {
  const LiveState state = LiveView(period, s).since(0, 2 * s);
  EXPECT_EQ(state.total, 0U);
  EXPECT_FALSE(state.any_bad);
  EXPECT_EQ(state.settled_since, std::nullopt);
  EXPECT_EQ(state.served_until, std::nullopt);
  EXPECT_EQ(state.pending, 100U);
  EXPECT_EQ(state.oldest_pending_ns, 2 * s);
}

TEST(LiveView, SettlesAfterOneGoodStretchWithoutAnyFailure) {
  const auto samples = test::stream(0, 5 * s, test::always_ok);
  const std::int64_t injected = s + 5 * ms;
  const std::int64_t first = s + 20 * ms;
  const auto state_at = [&](std::int64_t now) {
    return view_of(finished_by(samples, now)).since(injected, now);
  };
  EXPECT_EQ(state_at(first + s - ms).settled_since, std::nullopt);
  EXPECT_EQ(state_at(first + s + 6 * ms).settled_since, first);
  EXPECT_EQ(state_at(first + s + 6 * ms).served_until, first + s);
  EXPECT_EQ(state_at(4 * s).settled_since, first);
  EXPECT_EQ(state_at(4 * s).failed, 0U);
  EXPECT_EQ(state_at(4 * s).longest, Interval{});
}

TEST(LiveView, AnOutageIsOpenUntilSettled) {
  const auto samples = test::stream(0, 9 * s, test::fails_between(2 * s, 4 * s));
  const auto state_at = [&](std::int64_t now) {
    return view_of(finished_by(samples, now)).since(s, now);
  };
  const LiveState during = state_at(3 * s);
  EXPECT_TRUE(during.any_bad);
  EXPECT_EQ(during.longest.lower, Nanoseconds(980 * ms));
  EXPECT_EQ(during.longest.upper, std::nullopt);
  EXPECT_EQ(during.served_until, std::nullopt);
  const LiveState after = state_at(4500 * ms);
  EXPECT_EQ(after.settled_since, std::nullopt);
  EXPECT_EQ(after.served_until, 4480 * ms);
  const LiveState settled = state_at(5010 * ms);
  EXPECT_EQ(settled.settled_since, 4 * s);
  EXPECT_EQ(settled.longest, (Interval{Nanoseconds(1980 * ms), Nanoseconds(2020 * ms)}));
  EXPECT_EQ(settled.failed, 100U);
  EXPECT_EQ(settled.classes[static_cast<std::size_t>(Outcome::connect_refused)], 100U);
}

TEST(LiveView, ARequestOnItsWayBlocksWhateverCameAfterIt) {
  auto samples = test::stream(0, 6 * s, test::always_ok);
  Sample& hanging = samples.at(2 * s / period);
  hanging.finished_ns = hanging.scheduled_ns + 3 * s;
  hanging.outcome = Outcome::timeout;
  const auto state_at = [&](std::int64_t now) {
    return view_of(finished_by(samples, now)).since(1500 * ms, now);
  };
  const LiveState blocked = state_at(4500 * ms);
  EXPECT_EQ(blocked.failed, 0U);
  EXPECT_EQ(blocked.settled_since, std::nullopt);
  EXPECT_EQ(blocked.served_until, 2 * s - period);
  EXPECT_EQ(blocked.oldest_pending_ns, 2500 * ms);
  EXPECT_EQ(blocked.pending, 2U) << "the hanging one and the one that is due right now";
  const LiveState known = state_at(5005 * ms);
  EXPECT_EQ(known.failed, 1U);
  EXPECT_EQ(known.settled_since, 2 * s + period);
}

TEST(LiveView, AStallAtTheEndUnsettles) {
  const auto samples = finished_by(test::stream(0, 9 * s, test::always_ok), 4 * s);
  const LiveView view = view_of(samples);
  EXPECT_TRUE(view.since(s, 4 * s).settled_since.has_value());
  EXPECT_TRUE(view.since(s, 4900 * ms).settled_since.has_value());
  const LiveState stalled = view.since(s, 5100 * ms);
  EXPECT_EQ(stalled.settled_since, std::nullopt);
  EXPECT_GT(stalled.oldest_pending_ns, s);
  EXPECT_FALSE(stalled.any_bad);
}

TEST(LiveView, RequestsOnTheirWayAtTheInjectionCount) {
  auto samples = test::stream(0, 4 * s, test::always_ok);
  Sample& caught = samples.at(s / period);
  caught.finished_ns = caught.scheduled_ns + 30 * ms;
  caught.outcome = Outcome::reset;
  const std::int64_t injected = s + 10 * ms;
  const LiveState state = view_of(finished_by(samples, 4 * s)).since(injected, 4 * s);
  EXPECT_EQ(state.failed, 1U);
  EXPECT_EQ(state.longest, (Interval{Nanoseconds(0), Nanoseconds(2 * period)}));
  EXPECT_EQ(state.settled_since, s + period);
}

TEST(LiveView, AHoleRightAtTheBeginningIsSeen) {
  auto samples = test::stream(0, 4 * s, test::always_ok);
  samples.erase(samples.begin() + s / period);
  const LiveState with_neighbour = view_of(samples).since(s, 3990 * ms);
  EXPECT_EQ(with_neighbour.settled_since, std::nullopt);
  EXPECT_EQ(with_neighbour.pending, 1U);
  std::erase_if(samples, [](const Sample& sample) { return sample.scheduled_ns < s; });
  const LiveState without = view_of(samples).since(s, 3990 * ms);
  EXPECT_EQ(without.settled_since, std::nullopt);
  EXPECT_EQ(without.pending, 1U);
}

TEST(LiveView, AScheduleThatBeganLaterHasNoHoleBefore) {
  auto samples = test::stream(3 * s, 6 * s, test::always_ok);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i].sequence = i;
  const LiveState state = view_of(samples).since(0, 6 * s - ms);
  EXPECT_EQ(state.pending, 0U);
  EXPECT_EQ(state.settled_since, 3 * s);
}

TEST(LiveView, LocalErrorsNeitherFailNorServe) {
  const auto samples = test::stream(0, 4 * s, test::fails_between(s, 4 * s, Outcome::local_error));
  const LiveState state = view_of(samples).since(s, 4 * s - ms);
  EXPECT_EQ(state.unknown, 150U);
  EXPECT_EQ(state.total, 0U);
  EXPECT_EQ(state.settled_since, std::nullopt);
}

TEST(LiveView, ForgettingKeepsWhatIsAskedLater) {
  const auto samples = test::stream(0, 9 * s, test::fails_between(5 * s, 6 * s));
  LiveView view = view_of(samples);
  const LiveState before = view.since(4 * s, 9 * s - ms);
  view.forget_before(4 * s);
  const LiveState after = view.since(4 * s, 9 * s - ms);
  EXPECT_EQ(after.total, before.total);
  EXPECT_EQ(after.longest, before.longest);
  EXPECT_EQ(after.settled_since, before.settled_since);
  EXPECT_EQ(after.pending, 0U);
  // A straggler of the forgotten time opens no hole.
  view.add(samples.at(10));
  EXPECT_EQ(view.since(4 * s, 9 * s - ms).pending, 0U);
  EXPECT_EQ(view.since(0, 9 * s - ms).total, after.total);
}

// Results in the order of completion, with time-outs that come in long after their successors.
std::vector<Sample> random_samples(std::mt19937_64& random) {
  std::vector<Sample> samples;
  double bad_share = 0;
  const auto chance = [&random](double share) {
    return std::uniform_real_distribution<double>(0, 1)(random) < share;
  };
  for (std::uint64_t i = 0; i < 500; ++i) {
    if (chance(0.02)) bad_share = chance(0.3) ? 0.9 : chance(0.3) ? 0.1 : 0.0;
    const std::int64_t at = static_cast<std::int64_t>(i) * period;
    Sample sample{i, at, at, at + static_cast<std::int64_t>(random() % 200) * ms, Outcome::ok, 0};
    if (chance(bad_share)) {
      const bool timed_out = chance(0.5);
      sample.outcome = timed_out ? Outcome::timeout : Outcome::connect_refused;
      if (timed_out) sample.finished_ns = at + 3 * s;
    }
    samples.push_back(sample);
  }
  return samples;
}

// Whatever is called settled stays so in the light of all results up to there.
TEST(LiveViewProperty, IsNeverTakenBackByLateResults) {
  std::size_t settled = 0;
  std::size_t unsettled = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto samples = random_samples(random);
    auto by_completion = samples;
    std::ranges::stable_sort(by_completion, {}, &Sample::finished_ns);
    LiveView view(period, s);
    std::size_t next = 0;
    for (std::int64_t now = s; now < 10 * s; now += 90 * ms) {
      while (next < by_completion.size() && by_completion[next].finished_ns <= now)
        view.add(by_completion[next++]);
      const LiveState state = view.since(0, now);
      if (!state.settled_since) {
        ++unsettled;
        continue;
      }
      ++settled;
      ASSERT_TRUE(state.served_until.has_value());
      std::vector<Sample> truth = samples;
      std::erase_if(
          truth, [&](const Sample& sample) { return sample.scheduled_ns > *state.served_until; });
      const auto outages = find_outages(truth, Nanoseconds(s), Nanoseconds(50 * ms));
      if (outages.empty()) {
        ASSERT_EQ(*state.settled_since, 0);
      } else {
        ASSERT_FALSE(outages.back().unfinished);
        ASSERT_EQ(outages.back().first_ok_after_ns, state.settled_since);
      }
      ASSERT_EQ(longest_of(outages), state.longest);
    }
  }
  EXPECT_GT(settled, 100U);
  EXPECT_GT(unsettled, 100U);
}

TEST(LiveViewProperty, AgreesWithTheWholeOnceAllIsIn) {
  for (std::uint64_t seed = 100; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto samples = random_samples(random);
    auto shuffled = samples;
    std::ranges::shuffle(shuffled, random);
    const LiveState state = view_of(shuffled).since(0, samples.back().scheduled_ns);
    const auto outages = find_outages(samples, Nanoseconds(s), Nanoseconds(50 * ms));
    ASSERT_EQ(state.pending, 0U);
    ASSERT_EQ(state.total, samples.size());
    ASSERT_EQ(state.longest, longest_of(outages));
    ASSERT_EQ(state.settled_since,
              outages.empty() ? std::optional<std::int64_t>(0) : outages.back().first_ok_after_ns);
  }
}

}  // namespace
}  // namespace nospof::verdict
