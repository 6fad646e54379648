#include "probes/https_config.hpp"

#include <string>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/https.hpp"
#include "system/check.hpp"

namespace nospof::probes {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

HttpsConfig parsed(const std::string& text) {
  return parse_https_config(json::parse(text).as_object());
}

std::string message(const std::string& text) {
  try {
    parsed(text);
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(HttpsConfig, HasDefaults) {
  const HttpsConfig config = parsed(R"({"url":"https://www.nospof.test","rate_per_second":50})");
  EXPECT_EQ(config.host, "www.nospof.test");
  EXPECT_EQ(config.authority, "www.nospof.test");
  EXPECT_EQ(config.target, "/");
  EXPECT_EQ(config.port, 443);
  EXPECT_EQ(config.rate_per_second, 50);
  EXPECT_FALSE(config.keep_alive);
  EXPECT_EQ(config.timeout, 3s);
  EXPECT_EQ(config.slow, 1s);
  EXPECT_EQ(config.expect_status, 200);
  EXPECT_EQ(config.max_in_flight, 20'000U);
  EXPECT_EQ(config.count, 0U);
}

TEST(HttpsConfig, TakesEveryKey) {
  const HttpsConfig config = parsed(R"({
    "url":"https://www.nospof.test:8443/canary?id={id}&v={token}","address":"198.18.0.100",
    "port":9443,"authority_file":"/etc/ca.pem","rate_per_second":0.5,"connection":"keep-alive",
    "timeout_ns":2000000000,"slow_ns":500000000,"expect_status":201,"expect_body":"{token}",
    "max_in_flight":7,"count":9})");
  EXPECT_EQ(config.host, "www.nospof.test");
  EXPECT_EQ(config.authority, "www.nospof.test:8443");
  EXPECT_EQ(config.target, "/canary?id={id}&v={token}");
  EXPECT_EQ(config.address, "198.18.0.100");
  EXPECT_EQ(config.port, 9443);
  EXPECT_EQ(config.authority_file, "/etc/ca.pem");
  EXPECT_EQ(config.rate_per_second, 0.5);
  EXPECT_TRUE(config.keep_alive);
  EXPECT_EQ(config.timeout, 2s);
  EXPECT_EQ(config.slow, 500ms);
  EXPECT_EQ(config.expect_status, 201);
  EXPECT_EQ(config.expect_body, "{token}");
  EXPECT_EQ(config.max_in_flight, 7U);
  EXPECT_EQ(config.count, 9U);
}

TEST(HttpsConfig, TakesAddressesAsHosts) {
  const HttpsConfig four = parsed(R"({"url":"https://127.0.0.1:8443/x","rate_per_second":1})");
  EXPECT_EQ(four.host, "127.0.0.1");
  EXPECT_EQ(four.port, 8443);
  const HttpsConfig six = parsed(R"({"url":"https://[::1]:8443?q","rate_per_second":1})");
  EXPECT_EQ(six.host, "::1");
  EXPECT_EQ(six.authority, "[::1]:8443");
  EXPECT_EQ(six.target, "/?q");
}

TEST(HttpsConfig, SlowIsNeverBeyondTheTimeout) {
  EXPECT_EQ(parsed(R"({"url":"https://a","rate_per_second":1,"timeout_ns":100000000})").slow,
            100ms);
  EXPECT_THAT(message(R"({"url":"https://a","rate_per_second":1,"timeout_ns":100000000,
                          "slow_ns":100000001})"),
              testing::HasSubstr("slow_ns is 100000001"));
}

TEST(HttpsConfig, NamesWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"rate_per_second":1})", "url is missing"},
      {R"({"url":7,"rate_per_second":1})", "url is 7, expected a text"},
      {R"({"url":"http://a","rate_per_second":1})", "does not begin with https://"},
      {R"({"url":"https:///x","rate_per_second":1})", "no plain host name"},
      {R"({"url":"https://user@a/x","rate_per_second":1})", "no plain host name"},
      {R"({"url":"https://{id}.a/x","rate_per_second":1})", "no plain host name"},
      {R"({"url":"https://a:0/x","rate_per_second":1})", "'0' is no port"},
      {R"({"url":"https://a:70000/x","rate_per_second":1})", "'70000' is no port"},
      {R"({"url":"https://a:/x","rate_per_second":1})", "'' is no port"},
      {R"({"url":"https://[::1/x","rate_per_second":1})", "']' is missing"},
      {R"({"url":"https://[::1]x/","rate_per_second":1})", "after the host"},
      {R"({"url":"https://a/b c","rate_per_second":1})", "' ' cannot stand there"},
      {R"({"url":"https://a/\r\nX: y","rate_per_second":1})", "cannot stand there"},
      {R"({"url":"https://a/{user}","rate_per_second":1})", "only {id} and {token}"},
      {R"({"url":"https://a"})", "rate_per_second is missing"},
      {R"({"url":"https://a","rate_per_second":0})", "rate_per_second is 0, expected"},
      {R"({"url":"https://a","rate_per_second":-1})", "rate_per_second is -1, expected"},
      {R"({"url":"https://a","rate_per_second":1e9})", "expected a number above 0"},
      {R"({"url":"https://a","rate_per_second":"50/s"})", "expected a number above 0"},
      {R"({"url":"https://a","rate_per_second":1,"timeout_ns":"3s"})", "timeout_ns is \"3s\""},
      {R"({"url":"https://a","rate_per_second":1,"timeout_ns":1.5})", "expected an integer"},
      {R"({"url":"https://a","rate_per_second":1,"timeout_ns":0})", "timeout_ns is 0, expected"},
      {R"({"url":"https://a","rate_per_second":1,"connection":"pool"})",
       R"(connection is "pool", expected "fresh" or "keep-alive")"},
      {R"({"url":"https://a","rate_per_second":1,"expect_status":100})", "from 200 to 599"},
      {R"({"url":"https://a","rate_per_second":1,"max_in_flight":0})", "max_in_flight is 0"},
      {R"({"url":"https://a","rate_per_second":1,"count":-1})", "count is -1"},
      {R"({"url":"https://a","rate_per_second":1,"timeout":3})", "unknown key 'timeout'"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_THAT(message(text), testing::HasSubstr(expected)) << text;
}

TEST(HttpsKind, DescribesItself) {
  const auto kind = make_https();
  EXPECT_EQ(kind->info().name, "https");
  EXPECT_FALSE(kind->info().summary.empty());
  EXPECT_EQ(kind->info().parameters.size(), 12U);
  EXPECT_THROW(kind->make({}), Error);
}

}  // namespace
}  // namespace nospof::probes
