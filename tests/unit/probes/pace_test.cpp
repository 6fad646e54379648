#include "probes/pace.hpp"

#include <cmath>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/check.hpp"

namespace nospof::probes {
namespace {

using namespace std::chrono_literals;

Pace parsed(const std::string& text, const Pace& otherwise = {}) {
  const boost::json::object object = boost::json::parse(text).as_object();
  ConfigKeys keys("x probe", object);
  Pace pace = parse_pace(keys, otherwise);
  keys.refuse_unknown();
  return pace;
}

std::string message(const std::string& text) {
  try {
    parsed(text);
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

Schedule ramp(double from, double to, Nanoseconds over) {
  return {from, to, over, std::nullopt};
}

TEST(Schedules, AreAWholeNumberOfPeriods) {
  const Schedule schedule{170, 0, 0ns, std::nullopt};
  for (const std::uint64_t k : {0ULL, 1ULL, 170ULL, 1'000'000'007ULL})
    EXPECT_EQ(schedule.due(k).count(), std::llround(static_cast<long double>(k) * 1e9L / 170)) << k;
}

// How many requests are due by a moment, counted by adding up the rate in small steps.
TEST(Schedules, OfARampAreWhatAddingUpTheRateGives) {
  struct Case {
    double from, to;
    Nanoseconds over;
  };
  for (const Case& item : {Case{10, 1000, 3s}, Case{1000, 10, 3s}, Case{5, 5.000001, 2s},
                           Case{50, 50, 1s}, Case{0.5, 20, 7s}}) {
    SCOPED_TRACE(testing::Message() << item.from << " -> " << item.to);
    const Schedule schedule = ramp(item.from, item.to, item.over);
    const double over = std::chrono::duration<double>(item.over).count();
    constexpr double step = 1e-5;
    double served = 0;
    std::uint64_t k = 0;
    for (std::int64_t i = 0; static_cast<double>(i) * step < over + 2; ++i) {
      const double t = static_cast<double>(i) * step;
      const double share = std::min(t + step / 2, over) / over;
      for (; static_cast<double>(k) <= served; ++k)
        ASSERT_NEAR(std::chrono::duration<double>(schedule.due(k)).count(), t, 2.1 * step) << k;
      served += (item.from + (item.to - item.from) * share) * step;
    }
    EXPECT_GT(k, 2U);
  }
}

TEST(Schedules, OfARampNeverGoBack) {
  for (const Schedule& schedule : {ramp(1, 100'000, 1s), ramp(100'000, 0.001, 1s)}) {
    Nanoseconds before{0};
    for (std::uint64_t k = 0; k < 120'000; ++k) {
      const Nanoseconds due = schedule.due(k);
      ASSERT_GE(due, before) << k;
      before = due;
    }
  }
  // 50,000 of them fall into the ramp's second, and then it is one in 1,000 s.
  const Schedule slowing = ramp(99'999.999, 0.001, 1s);
  EXPECT_NEAR(static_cast<double>(slowing.due(50'000).count()), 1e9, 10);
  EXPECT_NEAR(static_cast<double>(slowing.due(50'001).count()), 1001e9, 10);
}

TEST(Schedules, WithAPhaseBeginOnTheWallClocksGrid) {
  const Schedule at_once{50, 0, 0ns, std::nullopt};
  EXPECT_EQ(at_once.until_first(WallTime(12'345ns)), 0ns);
  for (const Nanoseconds phase : std::vector<Nanoseconds>{0ns, 5ms, 19'999'999ns, 20ms, 65ms}) {
    const Schedule schedule{50, 0, 0ns, phase};
    for (const Nanoseconds now : std::vector<Nanoseconds>{1s, 1s + 1ns, 1s + 4'999'999ns, 1s + 5ms,
                                                          1s + 19'999'999ns, 100s + 7ms}) {
      const Nanoseconds wait = schedule.until_first(WallTime(now));
      EXPECT_GE(wait, 0ns);
      EXPECT_LE(wait, 20ms);
      EXPECT_EQ((now + wait - phase) % 20ms, 0ns) << now.count() << " " << phase.count();
    }
  }
}

TEST(Schedules, OfTwoHostsTakeTurnsWheneverTheyBegan) {
  const Schedule one{40, 0, 0ns, 0ms};
  const Schedule two{40, 0, 0ns, 12'500us};
  const WallTime first = WallTime(1'790'000'000s + 123'456'789ns);
  const WallTime second = first + 371ms;
  const auto gap = (second + two.until_first(second)) - (first + one.until_first(first));
  EXPECT_NEAR(static_cast<double>((gap % 25ms).count()), 12.5e6, 2000);
}

TEST(Pace, TakesItsKeys) {
  const Pace pace = parsed(R"({"rate_per_second":2,"ramp_to_per_second":20,
    "ramp_over_ns":10000000000,"phase_ns":7,"timeout_ns":2000000000,"slow_ns":1500000000,
    "max_in_flight":3,"count":9})");
  EXPECT_EQ(pace.schedule.rate_per_second, 2);
  EXPECT_EQ(pace.schedule.ramp_to_per_second, 20);
  EXPECT_EQ(pace.schedule.ramp_over, 10s);
  EXPECT_EQ(pace.schedule.phase, 7ns);
  EXPECT_EQ(pace.timeout, 2s);
  EXPECT_EQ(pace.slow, 1500ms);
  EXPECT_EQ(pace.max_in_flight, 3U);
  EXPECT_EQ(pace.count, 9U);
}

TEST(Pace, NamesWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({})", "x probe: rate_per_second is missing"},
      {R"({"rate_per_second":1,"ramp_to_per_second":2})",
       "ramp_to_per_second without ramp_over_ns"},
      {R"({"rate_per_second":1,"ramp_over_ns":2})", "ramp_over_ns without ramp_to_per_second"},
      {R"({"rate_per_second":1,"ramp_over_ns":1000000,"ramp_to_per_second":0})",
       "ramp_to_per_second is 0, expected"},
      {R"({"rate_per_second":1,"ramp_over_ns":0,"ramp_to_per_second":2})",
       "ramp_over_ns is 0, expected"},
      {R"({"rate_per_second":1,"phase_ns":-1})", "phase_ns is -1, expected"},
      {R"({"rate_per_second":1,"phase_ns":"1ms"})", "phase_ns is \"1ms\", expected"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_THAT(message(text), testing::HasSubstr(expected)) << text;
}

TEST(Pace, HasDefaultsOfItsKind) {
  Pace otherwise;
  otherwise.timeout = 500ms;
  otherwise.slow = 400ms;
  otherwise.max_in_flight = 4;
  const Pace pace = parsed(R"({"rate_per_second":1})", otherwise);
  EXPECT_EQ(pace.timeout, 500ms);
  EXPECT_EQ(pace.slow, 400ms);
  EXPECT_EQ(pace.max_in_flight, 4U);
  EXPECT_EQ(parsed(R"({"rate_per_second":1,"timeout_ns":1000000})", otherwise).slow, 1ms);
}

}  // namespace
}  // namespace nospof::probes
