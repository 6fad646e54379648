#pragma once
// Time is a parameter: code that waits or measures takes a Clock, so that tests drive it.

#include <chrono>
#include <cstdint>
#include <string>

namespace nospof {

using Nanoseconds = std::chrono::nanoseconds;

/// A point on CLOCK_MONOTONIC, in nanoseconds since boot. Comparable between all processes of one
/// machine.
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Nanoseconds>;
/// A point on CLOCK_REALTIME.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Nanoseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime now() const = 0;
  virtual WallTime wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  MonoTime now() const override;
  WallTime wall() const override;
};

/// A clock that stands still until a test moves it.
class ManualClock final : public Clock {
 public:
  MonoTime now() const override { return now_; }
  WallTime wall() const override { return WallTime(now_.time_since_epoch()); }
  void advance(Nanoseconds by) { now_ += by; }

 private:
  MonoTime now_{};
};

/// "2026-11-20T13:39:56.123456789Z"
std::string utc_text(WallTime time);
/// "20261120T133956Z", for names of folders.
std::string utc_compact(WallTime time);

}  // namespace nospof
