// Time in the virtual machine is what virtual_time.cpp makes of it; every other test relies on
// that.

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace nospof::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST(VirtualTime, NobodyIsLateHoweverLoadedTheMachineIs) {
  Clock::duration latest{0};
  for (int i = 0; i < 300; ++i) {
    const auto begin = Clock::now();
    std::this_thread::sleep_for(1ms);
    latest = std::max(latest, Clock::now() - begin);
  }
  EXPECT_LT(latest, 1200us);
}

TEST(VirtualTime, IsNotWaitedFor) {
  const auto begin = Clock::now();
  const auto wall = std::chrono::system_clock::now();
  // Longer than the machine may be up.
  std::this_thread::sleep_for(1h);
  EXPECT_NEAR(std::chrono::duration<double>(Clock::now() - begin).count(), 3600, 0.001);
  EXPECT_NEAR(std::chrono::duration<double>(std::chrono::system_clock::now() - wall).count(), 3600,
              0.001);
}

}  // namespace
}  // namespace nospof::test
