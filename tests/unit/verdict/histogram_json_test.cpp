#include "report/histogram_json.hpp"

#include <random>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/check.hpp"

namespace nospof::report {
namespace {

namespace json = boost::json;
using verdict::Histogram;

TEST(HistogramJson, ReadBackItIsTheSame) {
  std::mt19937_64 random(23);
  std::exponential_distribution<double> latency(1e-7);
  Histogram histogram;
  EXPECT_EQ(parse_histogram(histogram_json(histogram)), histogram) << "empty";
  for (int i = 0; i < 10'000; ++i)
    histogram.add(Nanoseconds(static_cast<std::int64_t>(latency(random))));
  histogram.add(std::chrono::hours(5), 2);
  const std::string text = json::serialize(histogram_json(histogram));
  EXPECT_EQ(parse_histogram(json::parse(text).as_object()), histogram);
}

TEST(HistogramJson, OfTwoFilesMergeIntoThatOfBoth) {
  Histogram one;
  Histogram other;
  Histogram both;
  for (std::int64_t i = 1; i <= 500; ++i) {
    (i % 3 == 0 ? one : other).add(Nanoseconds(i * 777'777));
    both.add(Nanoseconds(i * 777'777));
  }
  Histogram merged = parse_histogram(histogram_json(one));
  merged.merge(parse_histogram(histogram_json(other)));
  EXPECT_EQ(merged, both);
}

TEST(HistogramJson, WhatIsNoneIsRefused) {
  for (const char* text :
       {"{}", R"({"buckets":5})", R"({"buckets":[5]})", R"({"buckets":[5,1]})",
        R"({"min_ns":5,"buckets":[5,1]})", R"({"min_ns":5,"max_ns":"5","buckets":[5,1]})",
        R"({"min_ns":5,"max_ns":5,"buckets":[5,-1]})",
        R"({"min_ns":5,"max_ns":5,"buckets":[5.5,1]})",
        R"({"min_ns":5,"max_ns":6,"buckets":[5,1]})",
        R"({"min_ns":5,"max_ns":5,"buckets":[5,1,"6",1]})"})
    EXPECT_THROW(parse_histogram(json::parse(text).as_object()), Error) << text;
  EXPECT_EQ(parse_histogram(json::parse(R"({"min_ns":5,"max_ns":5,"buckets":[5,3]})").as_object())
                .count(),
            3U);
}

}  // namespace
}  // namespace nospof::report
