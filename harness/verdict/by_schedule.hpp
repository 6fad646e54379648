#pragma once
// Samples are recorded in the order of completion and read in that of their schedule.

#include <algorithm>
#include <functional>
#include <optional>
#include <queue>
#include <vector>

#include "kinds/sample.hpp"
#include "system/clock.hpp"

namespace nospof::verdict {

/// By how much a sample was due before another one that came earlier.
class Overtaking {
 public:
  void add(const kinds::Sample& sample);
  Nanoseconds most() const { return Nanoseconds(most_ns_); }

 private:
  std::optional<std::int64_t> latest_ns_;
  std::int64_t most_ns_ = 0;
};

/// Gives samples on in the order of earlier(). It keeps those that a later one may still come
/// before: as many as the schedule has within `most`, which is what Overtaking says of the same
/// samples.
class BySchedule {
 public:
  BySchedule(Nanoseconds most, std::function<void(const kinds::Sample&)> next)
      : most_ns_(most.count()), next_(std::move(next)) {}
  void add(const kinds::Sample& sample);
  /// After the last one.
  void finish();

 private:
  struct Later {
    bool operator()(const kinds::Sample& a, const kinds::Sample& b) const;
  };
  void give_first();

  std::int64_t most_ns_;
  std::function<void(const kinds::Sample&)> next_;
  std::optional<std::int64_t> latest_ns_;
  std::priority_queue<kinds::Sample, std::vector<kinds::Sample>, Later> waiting_;
};

}  // namespace nospof::verdict
