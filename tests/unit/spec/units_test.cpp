#include "spec/units.hpp"

#include <gtest/gtest.h>

namespace nospof::spec {
namespace {

using namespace std::chrono_literals;

TEST(Durations, AreReadExactly) {
  EXPECT_EQ(parse_duration("0"), Duration(0));
  EXPECT_EQ(parse_duration("0s"), Duration(0));
  EXPECT_EQ(parse_duration("1ns"), Duration(1));
  EXPECT_EQ(parse_duration("250us"), Duration(250us));
  EXPECT_EQ(parse_duration("300ms"), Duration(300ms));
  EXPECT_EQ(parse_duration("1.5s"), Duration(1500ms));
  EXPECT_EQ(parse_duration("0.1s"), Duration(100ms));
  EXPECT_EQ(parse_duration("2m"), Duration(2min));
  EXPECT_EQ(parse_duration("1.25m"), Duration(75s));
  EXPECT_EQ(parse_duration("1h"), Duration(1h));
  EXPECT_EQ(parse_duration("30d"), Duration(720h));
  EXPECT_EQ(parse_duration("1.000000001s"), Duration(1'000'000'001));
  EXPECT_EQ(parse_duration("9223372036854775807ns"), Duration::max());
}

TEST(Sizes, AreReadAndWrittenExactly) {
  EXPECT_EQ(parse_size("0"), Size{0});
  EXPECT_EQ(parse_size("100B"), Size{100});
  EXPECT_EQ(parse_size("64KiB"), Size{65536});
  EXPECT_EQ(parse_size("1.5GiB"), Size{1'610'612'736});
  EXPECT_EQ(parse_size("1GiB"), Size{1ULL << 30U});
  for (const char* text :
       {"", "5", "MiB", "-1MiB", "1 MiB", "1MB", "0.3B", "1e3B", "2000000000GiB", "1mib"})
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  for (const char* text : {"0B", "100B", "64KiB", "512MiB", "3GiB", "1536MiB"})
    EXPECT_EQ(format_size(*parse_size(text)), text);
}

TEST(Durations, OtherTextsAreRefused) {
  for (const char* text : {"",
                           "5",
                           "00",
                           "s",
                           ".5s",
                           "1.s",
                           "-1s",
                           "+1s",
                           "1 s",
                           " 1s",
                           "1s ",
                           "1e3s",
                           "0x1s",
                           "1S",
                           "1min",
                           "1m30s",
                           "1.5ns",
                           "1.0000000001s",
                           "1.00000000005s",
                           "0.05ns",
                           "9223372036854775808ns",
                           "106752d",
                           "1,5s",
                           "1s\n",
                           "inf",
                           "nan",
                           "１s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Durations, AreWrittenShortAndExact) {
  EXPECT_EQ(format_duration(Duration(0)), "0s");
  EXPECT_EQ(format_duration(20us), "20us");
  EXPECT_EQ(format_duration(300ms), "300ms");
  EXPECT_EQ(format_duration(1500ms), "1.5s");
  EXPECT_EQ(format_duration(60s), "1m");
  EXPECT_EQ(format_duration(61s), "61s");
  EXPECT_EQ(format_duration(90min), "90m");
  EXPECT_EQ(format_duration(720h), "30d");
  EXPECT_EQ(format_duration(1'000'000'001ns), "1.000000001s");
  EXPECT_EQ(format_duration(-1500ms), "-1.5s");
  EXPECT_EQ(format_duration(Duration::min()), "-9223372036.854775808s");
}

TEST(Durations, ComeBackFromTheirText) {
  std::uint64_t random = 1;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    random = random * 6364136223846793005U + i;
    auto count = static_cast<std::int64_t>(random % 4'000'000'000'000'000'000U);
    if (i % 3 == 0) count -= count % 1'000'000;
    const Duration duration(count);
    EXPECT_EQ(parse_duration(format_duration(duration)), duration) << count;
  }
}

TEST(Durations, ForPeopleHaveThreeDigits) {
  EXPECT_EQ(human_duration(Duration(0)), "0 s");
  EXPECT_EQ(human_duration(7ns), "7 ns");
  EXPECT_EQ(human_duration(20us), "20 us");
  EXPECT_EQ(human_duration(312'400us), "312 ms");
  EXPECT_EQ(human_duration(1'532ms), "1.53 s");
  EXPECT_EQ(human_duration(1'500ms), "1.5 s");
  EXPECT_EQ(human_duration(75s), "75 s");
  EXPECT_EQ(human_duration(999'600us), "1 s");
  EXPECT_EQ(human_duration(999'400us), "999 ms");
  EXPECT_EQ(human_duration(5min), "5 min");
  EXPECT_EQ(human_duration(150min), "2.5 h");
  EXPECT_EQ(human_duration(-1'532ms), "-1.53 s");
}

TEST(Rates, AreEventsPerSecond) {
  EXPECT_EQ(parse_rate("50/s"), Rate{50});
  EXPECT_EQ(parse_rate("600/m"), Rate{10});
  EXPECT_EQ(parse_rate("0.5/s"), Rate{0.5});
  for (const char* text : {"", "50", "/s", "50/h", "50 /s", "-1/s", "1e3/s", "50/sec", "inf/s"}) {
    EXPECT_EQ(parse_rate(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_rate(std::string(400, '9') + "/s"), std::nullopt);
}

TEST(Percentages, AreSharesOfOne) {
  EXPECT_EQ(parse_percent("99.9%"), Percent{0.999});
  EXPECT_EQ(parse_percent("0%"), Percent{0});
  EXPECT_EQ(parse_percent("100%"), Percent{1});
  EXPECT_EQ(parse_percent("99.999%"), Percent{0.99999});
  for (const char* text : {"", "99.9", "%", "-1%", "100.1%", "101%", "1e1%", "99,9%", "9 %"}) {
    EXPECT_EQ(parse_percent(text), std::nullopt) << text;
  }
}

TEST(Bandwidths, AreReadAndWrittenExactly) {
  EXPECT_EQ(parse_bandwidth("10mbit/s"), Bandwidth{10'000'000});
  EXPECT_EQ(parse_bandwidth("1.5gbit/s"), Bandwidth{1'500'000'000});
  EXPECT_EQ(parse_bandwidth("64kbit/s"), Bandwidth{64'000});
  EXPECT_EQ(parse_bandwidth("800bit/s"), Bandwidth{800});
  for (const char* text : {"", "10", "10mbit", "10m", "10 mbit/s", "10Mbit/s", "-1mbit/s",
                           "0.5bit/s", "mbit/s", "1tbit/s", "10mbps", "99999999999gbit/s"})
    EXPECT_EQ(parse_bandwidth(text), std::nullopt) << text;
  for (const char* text : {"10mbit/s", "1500kbit/s", "1gbit/s", "999bit/s", "0bit/s"})
    EXPECT_EQ(format_bandwidth(parse_bandwidth(text).value()), text);
}

TEST(Amounts, HaveACurrencyAndMayRecur) {
  EXPECT_EQ(parse_money("1200 EUR"), (Money{1200, "EUR", Money::Per::once}));
  EXPECT_EQ(parse_money("15.50 EUR/month"), (Money{15.5, "EUR", Money::Per::month}));
  EXPECT_EQ(parse_money("180 USD/year"), (Money{180, "USD", Money::Per::year}));
  for (const char* text : {"", "1200", "EUR", "1200EUR", "1200 eur", "1200 EURO", "-5 EUR",
                           "5 EUR/week", "1,200 EUR", "5  EUR", "5 EUR "}) {
    EXPECT_EQ(parse_money(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace nospof::spec
