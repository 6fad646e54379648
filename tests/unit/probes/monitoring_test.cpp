#include "probes/monitoring.hpp"

#include <cmath>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/lasting.hpp"
#include "probes/monitoring_config.hpp"
#include "probes/prometheus_answer.hpp"
#include "system/check.hpp"

namespace nospof::probes {
namespace {

using namespace std::chrono_literals;
using kinds::Finding;

MonitoringConfig parsed(const std::string& text) {
  return parse_monitoring_config(boost::json::parse(text).as_object());
}

std::string message(const std::string& text) {
  try {
    parsed(text);
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(MonitoringConfig, HasDefaults) {
  const MonitoringConfig config = parsed(R"({"url":"https://p.nospof.test:9090"})");
  EXPECT_EQ(config.url.host, "p.nospof.test");
  EXPECT_EQ(config.url.port, 9090);
  EXPECT_EQ(config.every, 500ms);
  EXPECT_EQ(config.timeout, 2s);
  EXPECT_EQ(config.unmonitored_after, 10s);
  EXPECT_EQ(config.host_label, "host");
  EXPECT_TRUE(config.expect_hosts.empty());
}

TEST(MonitoringConfig, TakesEveryKey) {
  const MonitoringConfig config = parsed(R"({"url":"http://a/prom/","address":"127.0.0.1",
    "every_ns":1000000000,"timeout_ns":5,"expect_hosts":["a","b"],"host_label":"node",
    "unmonitored_after_ns":0,"timeout_ns":7000000})");
  EXPECT_FALSE(config.url.tls);
  EXPECT_EQ(config.every, 1s);
  EXPECT_EQ(config.timeout, 7ms);
  EXPECT_THAT(config.expect_hosts, testing::ElementsAre("a", "b"));
  EXPECT_EQ(config.host_label, "node");
  EXPECT_EQ(config.unmonitored_after, 0s);
}

TEST(MonitoringConfig, NamesWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({})", "monitoring probe: url is missing"},
      {R"({"url":"ftp://a"})", "does not begin with https:// or http://"},
      {R"({"url":"https://a/?x"})", "without a query"},
      {R"({"url":"https://a/{id}"})", "without a query"},
      {R"({"url":"http://a","authority_file":"x"})", "authority_file is of no use"},
      {R"({"url":"https://a","every_ns":1})", "every_ns is 1, expected"},
      {R"({"url":"https://a","timeout_ns":0})", "timeout_ns is 0, expected"},
      {R"({"url":"https://a","expect_hosts":"db1"})", "expect_hosts is \"db1\", expected a list"},
      {R"({"url":"https://a","expect_hosts":[1]})", "expect_hosts is 1, expected a list"},
      {R"({"url":"https://a","expect_hosts":[""]})", "expect_hosts has an empty name"},
      {R"({"url":"https://a","expect_hosts":["b","a","b"]})", "expect_hosts names b twice"},
      {R"({"url":"https://a","host_label":"a) or (up"})", "expected the name of a label"},
      {R"({"url":"https://a","unmonitored_after_ns":-1})", "unmonitored_after_ns is -1"},
      {R"({"url":"https://a","rate_per_second":1})", "unknown key 'rate_per_second'"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_THAT(message(text), testing::HasSubstr(expected)) << text;
}

TEST(PrometheusAnswers, AreRead) {
  const auto series = parse_prometheus_answer(
      R"({"status":"success","warnings":["x"],"data":{"resultType":"vector","result":[
        {"metric":{"__name__":"up","host":"db1"},"value":[1435781451.781,"1"]},
        {"metric":{},"value":[1435781451,"-1.5e+06"]},
        {"metric":{},"value":[1,"NaN"]},{"metric":{},"value":[1,"+Inf"]},
        {"metric":{},"value":[1,"-Inf"]}]}})");
  ASSERT_TRUE(series);
  ASSERT_EQ(series->size(), 5U);
  EXPECT_EQ(series->at(0).label("host"), "db1");
  EXPECT_EQ(series->at(0).label("other"), "");
  EXPECT_EQ(series->at(0).value, 1);
  EXPECT_EQ(series->at(1).value, -1.5e6);
  EXPECT_TRUE(std::isnan(series->at(2).value));
  EXPECT_TRUE(std::isinf(series->at(3).value));
  EXPECT_LT(series->at(4).value, 0);
  const auto scalar = parse_prometheus_answer(
      R"({"status":"success","data":{"resultType":"scalar","result":[1,"7"]}})");
  ASSERT_TRUE(scalar);
  ASSERT_EQ(scalar->size(), 1U);
  EXPECT_EQ(scalar->at(0).value, 7);
  const auto none =
      parse_prometheus_answer(R"({"status":"success","data":{"resultType":"vector","result":[]}})");
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
}

TEST(PrometheusAnswers, ThatAreNoneAreRefused) {
  for (const char* body : {
           "",
           "no JSON",
           "[]",
           "{}",
           R"({"status":"error","errorType":"bad_data","error":"x"})",
           R"({"status":"success"})",
           R"({"status":"success","data":[]})",
           R"({"status":"success","data":{"resultType":"matrix","result":[]}})",
           R"({"status":"success","data":{"resultType":"vector","result":{}}})",
           R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{}}]}})",
           R"({"status":"success","data":{"resultType":"vector","result":[{"value":[1,"1"]}]}})",
           R"({"status":"success","data":{"resultType":"vector","result":
             [{"metric":{"a":1},"value":[1,"1"]}]}})",
           R"({"status":"success","data":{"resultType":"vector","result":
             [{"metric":{},"value":[1,1]}]}})",
           R"({"status":"success","data":{"resultType":"vector","result":
             [{"metric":{},"value":[1,"1x"]}]}})",
           R"({"status":"error","data":{"resultType":"vector","result":[]}})",
       })
    EXPECT_FALSE(parse_prometheus_answer(body)) << body;
}

TEST(PrometheusAnswers, DeepOnesDoNotHurt) {
  EXPECT_FALSE(parse_prometheus_answer(std::string(500'000, '[')));
}

TEST(LastingFindings, AreToldAtBothEnds) {
  LastingFindings lasting("alert", false);
  EXPECT_TRUE(lasting.look({}, {100, 110}).empty());
  const auto begun = lasting.look({{"A", "x"}}, {200, 210});
  ASSERT_EQ(begun.size(), 1U);
  EXPECT_EQ(begun[0].since_ns, 100);
  EXPECT_EQ(begun[0].at_ns, 210);
  EXPECT_FALSE(begun[0].over);
  EXPECT_TRUE(lasting.look({{"A", "y"}}, {300, 310}).empty());
  const auto ended = lasting.look({}, {400, 410});
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].since_ns, 300);
  EXPECT_EQ(ended[0].at_ns, 410);
  EXPECT_TRUE(ended[0].over);
  EXPECT_EQ(lasting.look({{"A", "x"}}, {500, 510}).at(0).since_ns, 400);
}

TEST(LastingFindings, ThatAreShortAreNotTold) {
  LastingFindings lasting("unmonitored", true, 100);
  EXPECT_TRUE(lasting.look({{"A", ""}}, {5, 10}).empty());
  EXPECT_TRUE(lasting.look({{"A", ""}}, {60, 109}).empty());
  EXPECT_TRUE(lasting.look({}, {110, 120}).empty()) << "not told, so not ended either";
  EXPECT_TRUE(lasting.look({{"A", ""}}, {130, 140}).empty());
  const auto told = lasting.look({{"A", ""}}, {230, 240});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].at_ns, 140) << "when it was seen first, not when it was told";
  EXPECT_EQ(told[0].since_ns, 110);
  EXPECT_TRUE(told[0].violation);
}

TEST(LastingFindings, BeginAnewWhenNothingWasSeenInBetween) {
  LastingFindings lasting("unmonitored", true, 100);
  EXPECT_TRUE(lasting.look({{"A", ""}}, {5, 10}).empty());
  lasting.unknown();
  EXPECT_TRUE(lasting.look({{"A", ""}}, {990, 1000}).empty());
  EXPECT_TRUE(lasting.look({{"A", ""}}, {1090, 1099}).empty());
  const auto told = lasting.look({{"A", ""}}, {1095, 1100});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].at_ns, 10);
}

TEST(MonitoringKind, DescribesItself) {
  const auto kind = make_monitoring();
  EXPECT_EQ(kind->info().name, "monitoring");
  EXPECT_THROW(kind->make({}), Error);
}

}  // namespace
}  // namespace nospof::probes
