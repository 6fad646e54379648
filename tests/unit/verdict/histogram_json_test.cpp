#include "report/histogram_json.hpp"

#include <map>
#include <string>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace nospof::report {
namespace {

namespace json = boost::json;
using verdict::Histogram;

TEST(HistogramJson, IsAFlatListOfBuckets) {
  Histogram histogram;
  EXPECT_EQ(json::serialize(histogram_json(histogram)), R"({"buckets":[]})");
  histogram.add(Nanoseconds(5'000'000), 3);
  histogram.add(Nanoseconds(7));
  // 5,000,000 has 23 bits: 12 * 1024 + (5,000,000 >> 12).
  EXPECT_EQ(json::serialize(histogram_json(histogram)),
            R"({"min_ns":7,"max_ns":5000000,"buckets":[7,1,13508,3]})");
}

// What docs/result.md says: those of several runs are added up bucket by bucket.
TEST(HistogramJson, OfTwoRunsAddUpToThatOfBoth) {
  Histogram one;
  Histogram other;
  for (std::int64_t i = 1; i <= 500; ++i) (i % 3 == 0 ? one : other).add(Nanoseconds(i * 777'777));
  std::map<std::uint64_t, std::uint64_t> sum;
  for (const Histogram* histogram : {&one, &other}) {
    const json::value read = json::parse(json::serialize(histogram_json(*histogram)));
    const json::array& buckets = read.at("buckets").as_array();
    for (std::size_t i = 0; i < buckets.size(); i += 2)
      sum[buckets[i].to_number<std::uint64_t>()] += buckets[i + 1].to_number<std::uint64_t>();
  }
  json::array expected;
  for (const auto& [index, count] : sum) {
    expected.emplace_back(index);
    expected.emplace_back(count);
  }
  one.merge(other);
  EXPECT_EQ(histogram_json(one).at("buckets"), expected);
}

}  // namespace
}  // namespace nospof::report
