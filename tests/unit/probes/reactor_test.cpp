#include "probes/reactor.hpp"

#include <optional>
#include <vector>

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "system/check.hpp"

namespace nospof::probes {
namespace {

MonoTime now() {
  return std::chrono::steady_clock::now();
}
/// Far enough for whatever is ready to be found before.
MonoTime later() {
  return now() + std::chrono::hours(1);
}

UniqueFd ready_descriptor() {
  return UniqueFd(check("eventfd", ::eventfd(1, EFD_CLOEXEC)));
}
UniqueFd silent_descriptor() {
  return UniqueFd(check("eventfd", ::eventfd(0, EFD_CLOEXEC)));
}

TEST(Reactors, TellWhoIsReadyAndNobodyElse) {
  Reactor reactor;
  int ready = 0;
  int silent = 0;
  WatchedFd one(reactor, ready_descriptor(), [&] { ++ready; });
  WatchedFd other(reactor, silent_descriptor(), [&] { ++silent; });
  one.wait_for(WatchedFd::For::reading);
  other.wait_for(WatchedFd::For::reading);
  reactor.wait(later());
  EXPECT_EQ(ready, 1);
  // As long as it is ready.
  reactor.wait(later());
  EXPECT_EQ(ready, 2);
  EXPECT_EQ(silent, 0);
  other.wait_for(WatchedFd::For::writing);
  reactor.wait(later());
  EXPECT_EQ(silent, 1);
}

TEST(Reactors, DoNotWaitForWhatHasPassed) {
  Reactor reactor;
  int told = 0;
  reactor.wait(now());
  WatchedFd one(reactor, ready_descriptor(), [&] { ++told; });
  reactor.wait(now());
  EXPECT_EQ(told, 0) << "nobody waits for it";
  one.wait_for(WatchedFd::For::reading);
  reactor.wait(now());
  EXPECT_EQ(told, 1);
}

TEST(Reactors, WaitUntilTheMoment) {
  Reactor reactor;
  int waits = 0;
  for (int i = 0; i < 3; ++i) {
    const MonoTime until = now() + std::chrono::microseconds(200);
    // It may be woken for nothing, but not all the time.
    for (; now() < until; ++waits) reactor.wait(until);
  }
  EXPECT_LT(waits, 20);
  const MonoTime passed = now();
  reactor.wait(passed);
}

TEST(Reactors, SleepUntilTheMomentWhateverIsReady) {
  Reactor reactor;
  int told = 0;
  WatchedFd one(reactor, ready_descriptor(), [&] { ++told; });
  one.wait_for(WatchedFd::For::reading);
  const MonoTime until = now() + std::chrono::microseconds(200);
  reactor.sleep(until);
  EXPECT_GE(now(), until);
  EXPECT_EQ(told, 1);
  reactor.sleep(until);
  EXPECT_EQ(told, 2) << "it does not sleep, and looks";
}

TEST(Reactors, DoNotTellThoseThatAnotherOneClosed) {
  Reactor reactor;
  std::vector<std::optional<WatchedFd>> all(10);
  int told = 0;
  for (auto& each : all) {
    each.emplace(reactor, ready_descriptor(), [&] {
      ++told;
      for (auto& whoever : all) whoever.reset();
    });
    each->wait_for(WatchedFd::For::reading);
  }
  reactor.wait(later());
  EXPECT_EQ(told, 1);
  reactor.wait(now());
  EXPECT_EQ(told, 1);
}

TEST(Reactors, OneMayBecomeAnotherWhileItIsTold) {
  Reactor reactor;
  int told = 0;
  std::optional<WatchedFd> one;
  const std::vector<int> kept{1, 2, 3};
  one.emplace(reactor, ready_descriptor(), [&, kept] {
    one.emplace(reactor, ready_descriptor(), [&] { told += 10; });
    one->wait_for(WatchedFd::For::reading);
    told += kept.back();
  });
  one->wait_for(WatchedFd::For::reading);
  reactor.wait(later());
  EXPECT_EQ(told, 3);
  reactor.wait(later());
  EXPECT_EQ(told, 13);
}

TEST(Reactors, ClosedOnesAreSilent) {
  Reactor reactor;
  int told = 0;
  WatchedFd one(reactor, ready_descriptor(), [&] { ++told; });
  one.wait_for(WatchedFd::For::reading);
  EXPECT_TRUE(one.is_open());
  one.close();
  EXPECT_FALSE(one.is_open());
  reactor.wait(now());
  EXPECT_EQ(told, 0);
  one.close();
}

}  // namespace
}  // namespace nospof::probes
