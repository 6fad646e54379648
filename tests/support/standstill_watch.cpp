#include "tests/support/standstill_watch.hpp"

#include <algorithm>
#include <chrono>

#include "system/clock.hpp"
#include "tests/support/going_first.hpp"

namespace nospof::test {

namespace {
constexpr auto look_every = std::chrono::milliseconds(1);
constexpr std::int64_t usual_ns = 2'000'000;

std::int64_t clock_ns() {
  return SystemClock().now().time_since_epoch().count();
}
}  // namespace

StandstillWatch::StandstillWatch() {
  thread_ = std::thread([this] {
    go_first();
    std::int64_t last = clock_ns();
    while (!ended_) {
      std::this_thread::sleep_for(look_every);
      const std::int64_t now = clock_ns();
      const std::lock_guard lock(mutex_);
      if (now - last > usual_ns) gaps_.push_back({last, now});
      last = now;
    }
  });
}

StandstillWatch::~StandstillWatch() {
  ended_ = true;
  thread_.join();
}

std::int64_t StandstillWatch::total_ns(std::int64_t from_ns, std::int64_t to_ns) {
  const std::lock_guard lock(mutex_);
  std::int64_t total = 0;
  for (const Gap& gap : gaps_)
    total += std::max<std::int64_t>(std::min(gap.to_ns, to_ns) - std::max(gap.from_ns, from_ns), 0);
  return total;
}

}  // namespace nospof::test
