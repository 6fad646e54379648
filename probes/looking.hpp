#pragma once
// What probes that look have in common: waiting, and telling once a second that they look.

#include <cstdint>

#include "kinds/probe.hpp"

namespace nospof::probes {

/// CLOCK_MONOTONIC, nanoseconds.
std::int64_t now_ns();

/// Waits until `news_fd` is readable, but no longer than until `until_ns` on CLOCK_MONOTONIC or
/// until `stop_fd` is readable; then it returns true. -1: no such descriptor. Throws SystemError.
bool wait_to_look(int stop_fd, int news_fd, std::int64_t until_ns);

/// Counts looks, and tells them as one round a second.
class Rounds {
 public:
  explicit Rounds(kinds::SampleSink& sink) : sink_(sink), begin_ns_(now_ns()) {}
  /// One look, which ended at that time; `decided`: it told something.
  void looked(std::int64_t end_ns, bool decided);
  /// Tells what was not told yet, if anything.
  void finish();

 private:
  kinds::SampleSink& sink_;
  std::int64_t begin_ns_;
  std::int64_t end_ns_ = 0;
  std::uint64_t looks_ = 0;
  std::uint64_t undecided_ = 0;
};

}  // namespace nospof::probes
