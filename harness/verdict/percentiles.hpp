#pragma once
// Samples -> counts and latencies.

#include <cstdint>
#include <optional>
#include <span>

#include "kinds/sample.hpp"
#include "verdict/histogram.hpp"
#include "verdict/outages.hpp"

namespace nospof::verdict {

/// How many results, and of which outcome.
struct Counts {
  std::uint64_t total = 0;  ///< served + failed: those that tell something about the stack
  std::uint64_t failed = 0;
  std::uint64_t unknown = 0;  ///< local errors: not in total
  ClassCounts classes{};
  void add(const kinds::Sample& sample);
  void add(const Counts& other);
  /// Served share of all; none without data.
  std::optional<double> availability() const;
};
Counts count(std::span<const kinds::Sample> samples);

/// A right answer, be it a late one (ok and slow). Requests without one have no latency; they are
/// counted as failed.
bool answered(const kinds::Sample& sample);
/// From when it was due: a stack that stalls cannot hide behind requests that had to wait.
Nanoseconds latency_of(const kinds::Sample& sample);
/// From when it was begun: what the stack itself took for it.
Nanoseconds service_time_of(const kinds::Sample& sample);

/// By nearest_rank(), of right answers.
struct Latencies {
  std::uint64_t answered = 0;
  std::optional<Nanoseconds> p50, p90, p99, p999, p9999, max;  ///< none without an answer
};
/// Exact, from the scheduled time: what tolerances are held against may not be off by a bucket.
Latencies latencies(std::span<const kinds::Sample> samples);
/// As exact as the histogram is.
Latencies latencies(const Histogram& histogram);

}  // namespace nospof::verdict
