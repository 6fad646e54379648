#include "verdict/percentiles.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "tests/unit/verdict/scenario.hpp"

namespace nospof::verdict {
namespace {

using kinds::Outcome;
using kinds::Sample;
using test::ms;

Sample answered(std::int64_t latency_ns, Outcome outcome = Outcome::ok) {
  // Begun late on purpose: latency counts from the schedule all the same.
  return {0, 1000, 1000 + latency_ns / 2, 1000 + latency_ns, outcome, 0};
}

TEST(Percentiles, NoneWithoutAnAnswer) {
  const Latencies none = latencies(std::vector<Sample>{});
  EXPECT_EQ(none.answered, 0U);
  EXPECT_EQ(none.p50, std::nullopt);
  EXPECT_EQ(none.max, std::nullopt);
  const std::vector<Sample> failed{answered(ms, Outcome::timeout),
                                   answered(ms, Outcome::http_status)};
  EXPECT_EQ(latencies(failed).answered, 0U);
}

TEST(Percentiles, AreExactByNearestRank) {
  std::vector<Sample> samples;
  for (std::int64_t i = 1; i <= 1000; ++i) samples.push_back(answered(i * ms));
  std::mt19937_64 random(7);
  std::ranges::shuffle(samples, random);
  const Latencies result = latencies(samples);
  EXPECT_EQ(result.answered, 1000U);
  EXPECT_EQ(result.p50, Nanoseconds(500 * ms));
  EXPECT_EQ(result.p90, Nanoseconds(900 * ms));
  EXPECT_EQ(result.p99, Nanoseconds(990 * ms));
  EXPECT_EQ(result.p999, Nanoseconds(999 * ms));
  EXPECT_EQ(result.p9999, Nanoseconds(1000 * ms));
  EXPECT_EQ(result.max, Nanoseconds(1000 * ms));
}

TEST(Percentiles, TheLastFigureNeedsTenThousandAnswers) {
  std::vector<Sample> samples;
  for (std::int64_t i = 1; i <= 10'000; ++i) samples.push_back(answered(i));
  EXPECT_EQ(latencies(samples).p9999, Nanoseconds(9'999));
  samples.pop_back();
  EXPECT_EQ(latencies(samples).p9999, Nanoseconds(9'999));
}

TEST(Percentiles, OfAHistogramAreItsOwn) {
  Histogram histogram;
  for (std::int64_t i = 1; i <= 10'000; ++i) histogram.add(Nanoseconds(i * ms));
  const Latencies result = latencies(histogram);
  EXPECT_EQ(result.answered, 10'000U);
  EXPECT_EQ(result.p50, histogram.value_at({0.5}));
  EXPECT_EQ(result.p9999, histogram.value_at({0.9999}));
  EXPECT_EQ(result.max, Nanoseconds(10'000 * ms));
  EXPECT_EQ(latencies(Histogram{}).p50, std::nullopt);
}

TEST(Percentiles, LatencyCountsFromTheScheduleAndServiceTimeFromTheBeginning) {
  const Sample sample = answered(8 * ms);
  EXPECT_EQ(latency_of(sample), Nanoseconds(8 * ms));
  EXPECT_EQ(service_time_of(sample), Nanoseconds(4 * ms));
}

TEST(Percentiles, OfOneSampleAreThatSample) {
  const std::vector<Sample> one{answered(3 * ms)};
  const Latencies result = latencies(one);
  EXPECT_EQ(result.p50, Nanoseconds(3 * ms));
  EXPECT_EQ(result.p999, Nanoseconds(3 * ms));
}

TEST(Percentiles, SlowAnswersHaveALatencyToo) {
  const std::vector<Sample> samples{answered(ms), answered(2000 * ms, Outcome::slow)};
  EXPECT_EQ(latencies(samples).max, Nanoseconds(2000 * ms));
}

TEST(Counts, LocalErrorsAreNoTestimony) {
  const std::vector<Sample> samples{answered(ms), answered(ms, Outcome::reset),
                                    answered(ms, Outcome::local_error), answered(ms)};
  const Counts counts = count(samples);
  EXPECT_EQ(counts.total, 3U);
  EXPECT_EQ(counts.failed, 1U);
  EXPECT_EQ(counts.unknown, 1U);
  EXPECT_EQ(counts.classes[static_cast<std::size_t>(Outcome::ok)], 2U);
  ASSERT_TRUE(counts.availability().has_value());
  EXPECT_DOUBLE_EQ(*counts.availability(), 2.0 / 3.0);
  EXPECT_EQ(Counts{}.availability(), std::nullopt);
}

}  // namespace
}  // namespace nospof::verdict
