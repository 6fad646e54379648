#pragma once
// Samples -> counts and latencies.

#include <cstdint>
#include <optional>
#include <span>

#include "kinds/sample.hpp"
#include "verdict/outages.hpp"

namespace nospof::verdict {

/// How many results, and of which outcome.
struct Counts {
  std::uint64_t total = 0;  ///< served + failed: those that tell something about the stack
  std::uint64_t failed = 0;
  std::uint64_t unknown = 0;  ///< local errors: not in total
  ClassCounts classes{};
  /// Served share of all; none without data.
  std::optional<double> availability() const;
};
Counts count(std::span<const kinds::Sample> samples);

/// Exact (nearest rank), from the scheduled time, over right answers: ok and slow. Requests without
/// a right answer have no latency; they are counted as failed.
struct Latencies {
  std::uint64_t answered = 0;
  std::optional<Nanoseconds> p50, p90, p99, p999, max;  ///< none without an answer
};
Latencies latencies(std::span<const kinds::Sample> samples);

}  // namespace nospof::verdict
