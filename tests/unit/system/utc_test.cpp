#include "system/utc.hpp"

#include <gtest/gtest.h>

namespace nospof {
namespace {

TEST(Utc, IsReadAsItIsWritten) {
  for (const std::int64_t ns : {0L, 1L, 951'782'399'999'999'999L, 1'795'182'396'123'456'789L}) {
    const WallTime time{Nanoseconds(ns)};
    EXPECT_EQ(parse_utc(utc_text(time)), time) << utc_text(time);
  }
}

TEST(Utc, MayHaveFewerDecimals) {
  const WallTime whole{std::chrono::seconds(1'795'182'396)};
  EXPECT_EQ(parse_utc("2026-11-20T13:46:36Z"), whole);
  EXPECT_EQ(parse_utc("2026-11-20T13:46:36.5Z"), whole + Nanoseconds(500'000'000));
  EXPECT_EQ(parse_utc("2026-11-20T13:46:36.000001Z"), whole + Nanoseconds(1'000));
  EXPECT_EQ(parse_utc("2024-02-29T00:00:00Z"), WallTime(std::chrono::seconds(1'709'164'800)));
}

TEST(Utc, AnythingElseIsRefused) {
  for (const char* text : {"",
                           "Z",
                           "2026-11-20",
                           "2026-11-20T13:46:36",
                           "2026-11-20T13:46:36+01:00",
                           "2026-11-20 13:46:36Z",
                           "2026-11-20T13:46:36.Z",
                           "2026-11-20T13:46:36.1234567890Z",
                           "2026-11-20T13:46:36.12",
                           "2026-11-20T13:46:36.1x2Z",
                           "2026-11-20T13:46:36Z ",
                           "2026-11-31T13:46:36Z",
                           "2026-13-20T13:46:36Z",
                           "2025-02-29T00:00:00Z",
                           "2026-11-20T24:00:00Z",
                           "2026-11-20T13:60:00Z",
                           "2026-11-20T13:46:60Z",
                           "+026-11-20T13:46:36Z",
                           "2026-1-20T13:46:36Z",
                           "9999-11-20T13:46:36Z",
                           "1969-12-31T23:59:59Z"})
    EXPECT_EQ(parse_utc(text), std::nullopt) << text;
}

}  // namespace
}  // namespace nospof
