#include "probes/http_config.hpp"

#include <string>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/http.hpp"
#include "probes/https.hpp"
#include "system/check.hpp"

namespace nospof::probes {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

HttpConfig parsed(const std::string& text) {
  return parse_http_config("https", UrlSchemes::https, json::parse(text).as_object());
}

std::string message(const std::string& text) {
  try {
    parsed(text);
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(HttpConfig, HasDefaults) {
  const HttpConfig config = parsed(R"({"url":"https://www.nospof.test","rate_per_second":50})");
  EXPECT_EQ(config.url.host, "www.nospof.test");
  EXPECT_EQ(config.url.authority, "www.nospof.test");
  EXPECT_EQ(config.url.target, "/");
  EXPECT_EQ(config.url.port, 443);
  EXPECT_EQ(config.pace.schedule.rate_per_second, 50);
  EXPECT_FALSE(config.keep_alive);
  EXPECT_EQ(config.pace.timeout, 3s);
  EXPECT_EQ(config.pace.slow, 1s);
  EXPECT_EQ(config.expect_status, 200);
  EXPECT_EQ(config.pace.max_in_flight, 20'000U);
  EXPECT_EQ(config.pace.count, 0U);
  EXPECT_EQ(config.keep_verified_chains, 0s) << "every chain is verified";
  EXPECT_EQ(config.resume_sessions, 0s) << "every handshake is a full one";
}

TEST(HttpConfig, TakesEveryKey) {
  const HttpConfig config = parsed(R"({
    "url":"https://www.nospof.test:8443/canary?id={id}&v={token}","address":"198.18.0.100",
    "port":9443,"authority_file":"/etc/ca.pem","rate_per_second":0.5,"connection":"keep-alive",
    "timeout_ns":2000000000,"slow_ns":500000000,"expect_status":201,"expect_body":"{token}",
    "max_in_flight":7,"count":9,"verified_chains_for_ns":60000000000,
    "resume_sessions_for_ns":3600000000000,"max_connections":4})");
  EXPECT_EQ(config.url.host, "www.nospof.test");
  EXPECT_EQ(config.url.authority, "www.nospof.test:8443");
  EXPECT_EQ(config.url.target, "/canary?id={id}&v={token}");
  EXPECT_EQ(config.address, "198.18.0.100");
  EXPECT_EQ(config.url.port, 9443);
  EXPECT_EQ(config.authority_file, "/etc/ca.pem");
  EXPECT_EQ(config.pace.schedule.rate_per_second, 0.5);
  EXPECT_TRUE(config.keep_alive);
  EXPECT_EQ(config.pace.timeout, 2s);
  EXPECT_EQ(config.pace.slow, 500ms);
  EXPECT_EQ(config.expect_status, 201);
  EXPECT_EQ(config.expect_body, "{token}");
  EXPECT_EQ(config.pace.max_in_flight, 7U);
  EXPECT_EQ(config.pace.count, 9U);
  EXPECT_EQ(config.keep_verified_chains, 1min);
  EXPECT_EQ(config.resume_sessions, 1h);
  EXPECT_EQ(config.max_connections, 4U);
}

TEST(HttpConfig, TakesAddressesAsHosts) {
  const HttpConfig four = parsed(R"({"url":"https://127.0.0.1:8443/x","rate_per_second":1})");
  EXPECT_EQ(four.url.host, "127.0.0.1");
  EXPECT_EQ(four.url.port, 8443);
  const HttpConfig six = parsed(R"({"url":"https://[::1]:8443?q","rate_per_second":1})");
  EXPECT_EQ(six.url.host, "::1");
  EXPECT_EQ(six.url.authority, "[::1]:8443");
  EXPECT_EQ(six.url.target, "/?q");
}

TEST(HttpConfig, SlowIsNeverBeyondTheTimeout) {
  EXPECT_EQ(parsed(R"({"url":"https://a","rate_per_second":1,"timeout_ns":100000000})").pace.slow,
            100ms);
  EXPECT_THAT(message(R"({"url":"https://a","rate_per_second":1,"timeout_ns":100000000,
                          "slow_ns":100000001})"),
              testing::HasSubstr("slow_ns is 100000001"));
}

TEST(HttpConfig, NamesWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"rate_per_second":1})", "url is missing"},
      {R"({"url":7,"rate_per_second":1})", "url is 7, expected a text"},
      {R"({"url":"http://a","rate_per_second":1})", "does not begin with https://"},
      {R"({"url":"https:///x","rate_per_second":1})", "no plain host name"},
      {R"({"url":"https://user@a/x","rate_per_second":1})", "no plain host name"},
      {R"({"url":"https://{id}.a/x","rate_per_second":1})", "no plain host name"},
      {R"({"url":"https://a","rate_per_second":1,"max_connections":2})",
       "max_connections is for connection keep-alive"},
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
      {R"({"url":"https://a","rate_per_second":1e9})", "expected a number from 0.001 to 100000"},
      {R"({"url":"https://a","rate_per_second":1e-300})", "expected a number from 0.001 to 100000"},
      {R"({"url":"https://a","rate_per_second":"50/s"})", "expected a number from 0.001 to 100000"},
      {R"({"url":"https://a","rate_per_second":1,"timeout_ns":"3s"})", "timeout_ns is \"3s\""},
      {R"({"url":"https://a","rate_per_second":1,"timeout_ns":1.5})", "expected an integer"},
      {R"({"url":"https://a","rate_per_second":1,"timeout_ns":0})", "timeout_ns is 0, expected"},
      {R"({"url":"https://a","rate_per_second":1,"connection":"pool"})",
       R"(connection is "pool", expected "fresh" or "keep-alive")"},
      {R"({"url":"https://a","rate_per_second":1,"expect_status":100})", "from 200 to 599"},
      {R"({"url":"https://a","rate_per_second":1,"max_in_flight":0})", "max_in_flight is 0"},
      {R"({"url":"https://a","rate_per_second":1,"count":-1})", "count is -1"},
      {R"({"url":"https://a","rate_per_second":1,"verified_chains_for_ns":3600000000001})",
       "verified_chains_for_ns is 3600000000001, expected"},
      {R"({"url":"https://a","rate_per_second":1,"resume_sessions_for_ns":-1})",
       "resume_sessions_for_ns is -1, expected"},
      {R"({"url":"https://a","rate_per_second":1,"timeout":3})", "unknown key 'timeout'"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_THAT(message(text), testing::HasSubstr(expected)) << text;
}

TEST(HttpConfig, WithoutTlsThereIsNoAuthority) {
  const auto plain = [](const std::string& text) {
    return parse_http_config("http", UrlSchemes::http, json::parse(text).as_object());
  };
  const HttpConfig config = plain(R"({"url":"http://a:81/x?y","rate_per_second":1})");
  EXPECT_FALSE(config.url.tls);
  EXPECT_EQ(config.url.port, 81);
  EXPECT_EQ(plain(R"({"url":"http://a","rate_per_second":1})").url.port, 80);
  EXPECT_THROW(plain(R"({"url":"https://a","rate_per_second":1})"), Error);
  for (const std::string key :
       {"authority_file", "verified_chains_for_ns", "resume_sessions_for_ns"}) {
    try {
      plain(R"({"url":"http://a","rate_per_second":1,")" + key + R"(":1})");
      ADD_FAILURE() << "accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.what(), "http probe: unknown key '" + key + "'");
    }
  }
}

TEST(HttpUrls, OfEitherScheme) {
  EXPECT_TRUE(parse_http_url("x probe", "https://a/b", UrlSchemes::either).tls);
  EXPECT_FALSE(parse_http_url("x probe", "http://a/b", UrlSchemes::either).tls);
  EXPECT_THROW(parse_http_url("x probe", "ftp://a/b", UrlSchemes::either), Error);
}

TEST(HttpUrls, AreEncodedByteByByte) {
  EXPECT_EQ(percent_encoded("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encoded("ALERTS{a=\"b c\"}+%/?&#\xff"),
            "ALERTS%7Ba%3D%22b%20c%22%7D%2B%25%2F%3F%26%23%FF");
}

TEST(HttpKinds, DescribeThemselves) {
  const auto https = make_https();
  EXPECT_EQ(https->info().name, "https");
  EXPECT_FALSE(https->info().summary.empty());
  EXPECT_EQ(https->info().parameters.size(), 19U);
  EXPECT_THROW(https->make({}), Error);
  const auto http = make_http();
  EXPECT_EQ(http->info().name, "http");
  EXPECT_EQ(http->info().parameters.size(), 16U);
  EXPECT_THROW(http->make({}), Error);
}

}  // namespace
}  // namespace nospof::probes
