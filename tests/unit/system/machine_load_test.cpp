// How busy the machine is, from what the kernel tells.

#include "system/machine_load.hpp"

#include <gtest/gtest.h>

namespace nospof {
namespace {

TEST(CpuTimes, AreTheSumsOfTheFirstLine) {
  const auto times =
      parse_cpu_times("cpu  100 20 30 4000 50 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
  ASSERT_TRUE(times);
  EXPECT_EQ(times->idle, 4070U) << "what is nice gives way";
  EXPECT_EQ(times->busy, 151U) << "a guest's time is in the user's already";
}

TEST(CpuTimes, OfAnotherTextAreNone) {
  for (const char* text :
       {"", "cpu", "cpu  1 2 3", "cpu  1 2 3\n4 5 6 7 8", "intr 1 2 3 4 5 6 7 8"})
    EXPECT_FALSE(parse_cpu_times(text)) << text;
}

TEST(CpuTimes, TellTheShareThatNobodyUsed) {
  EXPECT_DOUBLE_EQ(idle_share({100, 1000}, {175, 1025}).value(), 0.25);
  EXPECT_FALSE(idle_share({100, 1000}, {100, 1000})) << "no time passed";
  EXPECT_FALSE(idle_share({100, 1000}, {150, 999})) << "the kernel corrected itself";
}

TEST(CpuTimes, OfThisMachineAreKnown) {
  const auto times = cpu_times();
  ASSERT_TRUE(times);
  EXPECT_GT(times->busy + times->idle, 0U);
}

TEST(AvailableMemory, IsInBytes) {
  EXPECT_EQ(parse_available_memory("MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable:    4 kB\n"),
            4096U);
  EXPECT_FALSE(parse_available_memory("MemTotal: 9 kB\n"));
  EXPECT_FALSE(parse_available_memory("MemAvailable:\nBuffers: 1 kB\n"));
  EXPECT_TRUE(available_memory());
}

}  // namespace
}  // namespace nospof
