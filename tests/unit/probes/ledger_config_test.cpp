#include "probes/ledger_config.hpp"

#include <string>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/ledger.hpp"
#include "system/check.hpp"

namespace nospof::probes {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr const char* urls = R"("write_url":"https://www.nospof.test/canary?id={id}&v={token}",
                                "read_url":"https://www.nospof.test/values?ids={ids}")";

LedgerConfig parsed(const std::string& text) {
  return parse_ledger_config(json::parse(text).as_object());
}

std::string message(const std::string& text) {
  try {
    parsed(text);
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(LedgerConfig, HasDefaults) {
  const LedgerConfig config = parsed("{" + std::string(urls) + "}");
  EXPECT_EQ(config.write_url.target, "/canary?id={id}&v={token}");
  EXPECT_EQ(config.read_url.target, "/values?ids={id}");
  EXPECT_EQ(config.sessions, 4);
  EXPECT_EQ(config.every, 250ms);
  EXPECT_EQ(config.timeout, 3s);
  EXPECT_EQ(config.audit_every, 1s);
  EXPECT_EQ(config.expect_status, 200);
  EXPECT_EQ(config.marker, "");
}

TEST(LedgerConfig, TakesEveryKey) {
  const LedgerConfig config = parsed("{" + std::string(urls) + R"(,
    "address":"198.18.0.10","authority_file":"/etc/ca.pem","expect_status":201,
    "marker":"c7f3a9d2e51b","sessions":7,"every_ns":20000000,"timeout_ns":2000000000,
    "audit_every_ns":500000000})");
  EXPECT_EQ(config.address, "198.18.0.10");
  EXPECT_EQ(config.authority_file, "/etc/ca.pem");
  EXPECT_EQ(config.expect_status, 201);
  EXPECT_EQ(config.marker, "c7f3a9d2e51b");
  EXPECT_EQ(config.sessions, 7);
  EXPECT_EQ(config.every, 20ms);
  EXPECT_EQ(config.timeout, 2s);
  EXPECT_EQ(config.audit_every, 500ms);
}

TEST(LedgerConfig, NamesWhatIsWrong) {
  const std::string write = R"("write_url":"http://a/w?id={id}&v={token}")";
  const std::string read = R"("read_url":"http://a/r?ids={ids}")";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "ledger probe: write_url is missing"},
      {write, "ledger probe: read_url is missing"},
      {R"("write_url":"http://a/w?v={token}",)" + read, "expected a URL with {id} and {token}"},
      {R"("write_url":"http://a/w?id={id}",)" + read, "expected a URL with {id} and {token}"},
      {write + R"(,"read_url":"http://a/r")", "expected a URL with {ids} in it, once"},
      {write + R"(,"read_url":"http://a/r?a={ids}&b={ids}")", "expected a URL with {ids}"},
      {write + R"(,"read_url":"http://a/r?a={ids}&b={id}")", "expected a URL with {ids}"},
      {write + R"(,"read_url":"http://a/r?a={ids}&b={x}")", "'{' cannot stand there"},
      {write + R"(,"read_url":"http://b/r?ids={ids}")", "not on the same server"},
      {write + R"(,"read_url":"http://a:81/r?ids={ids}")", "not on the same server"},
      {write + R"(,"read_url":"https://a/r?ids={ids}")", "not on the same server"},
      {write + "," + read + R"(,"authority_file":"/x")", "of no use"},
      {write + "," + read + R"(,"marker":"short")", "8 to 32 letters"},
      {write + "," + read + R"(,"sessions":0)", "an integer from 1 to 64"},
      {write + "," + read + R"(,"every_ns":1)", "every_ns is 1"},
      {write + "," + read + R"(,"timeout_ns":0)", "timeout_ns is 0"},
      {write + "," + read + R"(,"audit_every_ns":1000)", "audit_every_ns is 1000"},
      {write + "," + read + R"(,"expect_status":42)", "expect_status is 42"},
      {write + "," + read + R"(,"session":4)", "unknown key 'session'"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_THAT(message("{" + text + "}"), testing::HasSubstr(expected)) << text;
}

TEST(LedgerConfig, ItsKeysAreTheKindsParameters) {
  const auto kind = make_ledger();
  EXPECT_EQ(kind->info().name, "ledger");
  std::vector<std::string> names;
  for (const auto& parameter : kind->info().parameters) names.push_back(parameter.name);
  EXPECT_THAT(names, testing::ElementsAre("write-url", "read-url", "address", "authority-file",
                                          "expect-status", "marker", "sessions", "every", "timeout",
                                          "audit-every"));
}

}  // namespace
}  // namespace nospof::probes
