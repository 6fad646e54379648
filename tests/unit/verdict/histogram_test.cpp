// The histogram against the sorted values themselves.

#include "verdict/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nospof::verdict {
namespace {

using spec::Percent;
using Values = std::vector<std::int64_t>;
using Random = std::mt19937_64;

constexpr std::int64_t hour_ns = 3'600'000'000'000;
constexpr std::size_t most_buckets = 33'422;

Histogram histogram_of(const Values& values) {
  Histogram histogram;
  for (const std::int64_t value : values) histogram.add(Nanoseconds(value));
  return histogram;
}

// Reads the bucket as docs and header say that it is to be read, without the code under test.
std::pair<std::int64_t, std::int64_t> ends_of(std::size_t index) {
  const std::size_t e = index < 2048 ? 0 : index / 1024 - 1;
  const auto width = static_cast<std::int64_t>(1) << e;
  const auto first = static_cast<std::int64_t>(index - 1024 * e) * width;
  return {first, first + width - 1};
}

struct Shape {
  std::string name;
  std::function<std::int64_t(Random&)> draw;
};

std::int64_t within_range(double value) {
  return std::clamp<std::int64_t>(std::llround(value), 1, hour_ns);
}

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all{
      {"uniform", [](Random& r) { return std::uniform_int_distribution(1L, 50'000'000L)(r); }},
      {"uniform over the range",
       [](Random& r) { return std::uniform_int_distribution(1L, long{hour_ns})(r); }},
      {"exponential",
       [](Random& r) { return within_range(std::exponential_distribution(1e-7)(r)); }},
      {"every magnitude alike",
       [](Random& r) {
         return within_range(std::exp(std::uniform_real_distribution(0.0, 28.9)(r)));
       }},
      {"bimodal",
       [](Random& r) {
         const bool slow = std::bernoulli_distribution(0.02)(r);
         return within_range(std::normal_distribution(slow ? 3e9 : 2e6, slow ? 1e7 : 1e5)(r));
       }},
      {"a single value", [](Random&) { return 123'456'789L; }},
      {"the ends of the range",
       [](Random& r) { return std::bernoulli_distribution(0.5)(r) ? 1L : long{hour_ns}; }},
      {"around powers of two",
       [](Random& r) {
         const int power = std::uniform_int_distribution(1, 41)(r);
         return (1L << power) + std::uniform_int_distribution(-1L, 1L)(r);
       }},
  };
  return all;
}

Values draw(const Shape& shape, std::size_t count, Random& random) {
  Values values(count);
  std::ranges::generate(values, [&] { return shape.draw(random); });
  return values;
}

TEST(NearestRank, IsTheFirstThatEnoughValuesReach) {
  EXPECT_EQ(nearest_rank(0, Percent{0.5}), 0U);
  EXPECT_EQ(nearest_rank(1, Percent{0.0}), 1U);
  EXPECT_EQ(nearest_rank(1, Percent{1.0}), 1U);
  EXPECT_EQ(nearest_rank(1000, Percent{0.5}), 500U);
  EXPECT_EQ(nearest_rank(1001, Percent{0.5}), 501U);
  EXPECT_EQ(nearest_rank(1000, Percent{0.999}), 999U);
  EXPECT_EQ(nearest_rank(1000, Percent{0.9999}), 1000U);
  EXPECT_EQ(nearest_rank(10'000, Percent{0.9999}), 9'999U);
  EXPECT_EQ(nearest_rank(3'000'001, Percent{0.9999}), 2'999'701U);
  EXPECT_EQ(nearest_rank(10'000'000'000'000'000'000U, Percent{0.9}), 9'000'000'000'000'000'000U);
}

TEST(Histogram, KeepsThreeSignificantDigitsOfWhateverItIsGiven) {
  Random random(20'261'120);
  for (const Shape& shape : shapes()) {
    for (const std::size_t count : {1, 2, 3, 10, 999, 10'000}) {
      SCOPED_TRACE(shape.name + " x " + std::to_string(count));
      Values values = draw(shape, count, random);
      const Histogram histogram = histogram_of(values);
      std::ranges::sort(values);
      EXPECT_EQ(histogram.count(), count);
      EXPECT_EQ(histogram.min()->count(), values.front());
      EXPECT_EQ(histogram.max()->count(), values.back());
      const double mean =
          std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(count);
      // Half a nanosecond more, since the mean is told in whole ones.
      EXPECT_NEAR(static_cast<double>(histogram.mean()->count()), mean, 0.00049 * mean + 0.51);
      for (const double share : {0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
        const std::int64_t exact = values[nearest_rank(count, Percent{share}) - 1];
        const std::int64_t told = histogram.value_at(Percent{share})->count();
        ASSERT_GE(told, exact) << share;
        ASSERT_LT(static_cast<double>(told - exact), 0.00098 * static_cast<double>(exact) + 0.5)
            << share;
        if (exact < 2048) {
          ASSERT_EQ(told, exact) << share;
        }
      }
      EXPECT_EQ(histogram.value_at(Percent{1.0}), histogram.max());
    }
  }
}

TEST(Histogram, EveryValueIsInTheBucketThatTheFormulaNames) {
  Random random(7);
  for (const Shape& shape : shapes()) {
    for (const std::int64_t value : draw(shape, 100, random)) {
      Histogram histogram;
      histogram.add(Nanoseconds(value));
      const auto buckets = histogram.buckets();
      ASSERT_EQ(buckets.size(), 1U);
      const auto [first, last] = ends_of(buckets[0].index);
      ASSERT_LE(first, value);
      ASSERT_GE(last, value);
      ASSERT_LE(static_cast<double>(last - first), static_cast<double>(value) / 1024.0);
    }
  }
}

TEST(Histogram, OneValueIsThatValue) {
  for (const std::int64_t value : {1L, 2047L, 2048L, 123'456'789L, long{hour_ns}}) {
    Histogram histogram;
    histogram.add(Nanoseconds(value), 5);
    EXPECT_EQ(histogram.count(), 5U);
    EXPECT_EQ(histogram.mean(), Nanoseconds(value));
    EXPECT_EQ(histogram.value_at(Percent{0.5}), Nanoseconds(value));
  }
}

TEST(Histogram, HasNoFiguresWithoutValues) {
  const Histogram empty;
  EXPECT_EQ(empty.count(), 0U);
  EXPECT_EQ(empty.min(), std::nullopt);
  EXPECT_EQ(empty.max(), std::nullopt);
  EXPECT_EQ(empty.mean(), std::nullopt);
  EXPECT_EQ(empty.value_at(Percent{0.5}), std::nullopt);
  Histogram still_empty;
  still_empty.add(Nanoseconds(5), 0);
  EXPECT_EQ(still_empty, empty);
}

TEST(Histogram, WhatIsOutOfRangeIsCountedAndNeverUnderstated) {
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  const Histogram histogram = histogram_of({-5, 0, 10, 2 * hour_ns, largest});
  EXPECT_EQ(histogram.count(), 5U);
  EXPECT_EQ(histogram.min(), Nanoseconds(-5));
  EXPECT_EQ(histogram.max(), Nanoseconds(largest));
  EXPECT_EQ(histogram.value_at(Percent{0.2}), Nanoseconds(0));
  EXPECT_EQ(histogram.value_at(Percent{0.6}), Nanoseconds(10));
  EXPECT_EQ(histogram.value_at(Percent{0.8}), Nanoseconds(largest));
  const Histogram before = histogram_of({-5, -3});
  EXPECT_EQ(before.value_at(Percent{0.5}), Nanoseconds(-3));
  EXPECT_EQ(before.mean(), Nanoseconds(-3));
}

TEST(Histogram, HasBoundedlyManyBuckets) {
  Random random(3);
  Histogram histogram;
  for (const Shape& shape : shapes())
    for (const std::int64_t value : draw(shape, 20'000, random)) histogram.add(Nanoseconds(value));
  histogram.add(Nanoseconds(std::numeric_limits<std::int64_t>::max()));
  EXPECT_LE(histogram.buckets().size(), most_buckets);
  EXPECT_EQ(histogram.buckets().back(), (Histogram::Bucket{most_buckets - 1, 1}));
}

TEST(Histogram, MergedIsAsIfAllHadBeenAddedToOne) {
  Random random(11);
  for (const Shape& one : shapes()) {
    for (const Shape& other : shapes()) {
      SCOPED_TRACE(one.name + " and " + other.name);
      const Values a = draw(one, 300, random);
      const Values b = draw(other, 200, random);
      Values both = a;
      both.insert(both.end(), b.begin(), b.end());
      Histogram merged = histogram_of(a);
      merged.merge(histogram_of(b));
      ASSERT_EQ(merged, histogram_of(both));
      Histogram swapped = histogram_of(b);
      swapped.merge(histogram_of(a));
      ASSERT_EQ(swapped, merged) << "in either order";
      ASSERT_EQ(swapped.mean(), merged.mean());
    }
  }
}

TEST(Histogram, MergesInAnyGrouping) {
  Random random(13);
  for (std::size_t i = 0; i < shapes().size(); ++i) {
    const Histogram a = histogram_of(draw(shapes()[i], 100, random));
    const Histogram b = histogram_of(draw(shapes()[(i + 1) % shapes().size()], 100, random));
    const Histogram c = histogram_of(draw(shapes()[(i + 3) % shapes().size()], 100, random));
    Histogram left = a;
    left.merge(b);
    left.merge(c);
    Histogram tail = b;
    tail.merge(c);
    Histogram right = a;
    right.merge(tail);
    EXPECT_EQ(left, right);
  }
}

TEST(Histogram, AnEmptyOneChangesNothing) {
  const Histogram some = histogram_of({5'000'000, 7'000'000});
  Histogram merged = some;
  merged.merge({});
  EXPECT_EQ(merged, some);
  Histogram from_empty;
  from_empty.merge(some);
  EXPECT_EQ(from_empty, some);
  merged.merge(merged);
  EXPECT_EQ(merged, histogram_of({5'000'000, 5'000'000, 7'000'000, 7'000'000}));
}

}  // namespace
}  // namespace nospof::verdict
