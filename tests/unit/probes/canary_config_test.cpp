#include "probes/canary_config.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/plaintext_canary.hpp"
#include "system/check.hpp"

namespace nospof::probes {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

std::string message(const std::string& text) {
  try {
    parse_canary_config(json::parse(text).as_object());
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(CanaryConfig, HasDefaultsAndTakesEveryKey) {
  const CanaryConfig small = parse_canary_config({{"marker", "c7f3a9d2e51b-"}});
  EXPECT_EQ(small.marker, "c7f3a9d2e51b-");
  EXPECT_EQ(small.quiet, 5s);
  EXPECT_EQ(small.ring_bytes, 8U << 20U);
  const CanaryConfig full = parse_canary_config(
      {{"marker", "c7f3a9d2"}, {"quiet_ns", 200'000'000}, {"ring_mebibytes", 32}});
  EXPECT_EQ(full.quiet, 200ms);
  EXPECT_EQ(full.ring_bytes, 32U << 20U);
}

TEST(CanaryConfig, NamesWhatIsWrong) {
  const std::string good = R"({"marker":"c7f3a9d2e51b-",)";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{}", "plaintext-canary probe: marker is missing"},
      {R"({"marker":7})", "marker is 7, expected a text"},
      {R"({"marker":"c7f3a9d"})", R"(marker is "c7f3a9d", expected 8 to 200 printable)"},
      {R"({"marker":"c7f3 a9d2"})", "without spaces"},
      {R"({"marker":"c7f3\u0000a9d2"})", "printable"},
      {good + R"("quiet_ns":"5s"})", R"(quiet_ns is "5s", expected an integer)"},
      {good + R"("quiet_ns":99999999})",
       "quiet_ns is 99999999, expected an integer from 100000000"},
      {good + R"("ring_mebibytes":0})", "ring_mebibytes is 0, expected an integer from 1 to 256"},
      {good + R"("ring_mebibytes":1.5})", "expected an integer"},
      {good + R"("quiet":5})", "unknown key 'quiet'"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_THAT(message(text), testing::HasSubstr(expected)) << text;
  EXPECT_THAT(message(R"({"marker":")" + std::string(201, 'x') + "\"}"),
              testing::HasSubstr("8 to 200"));
}

TEST(CanaryKind, DescribesItself) {
  const auto kind = make_plaintext_canary();
  EXPECT_EQ(kind->info().name, "plaintext-canary");
  EXPECT_EQ(kind->info().parameters.size(), 3U);
  EXPECT_THROW(kind->make({}), Error);
}

}  // namespace
}  // namespace nospof::probes
