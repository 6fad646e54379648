#pragma once
// The same judgement while a cell still runs: samples so far -> is the stack served again?

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "kinds/sample.hpp"
#include "verdict/outages.hpp"

namespace nospof::verdict {

/// What the samples since a moment (usually the injection) say so far.
struct LiveState {
  std::uint64_t total = 0;  ///< results that tell something, scheduled or finished since then
  std::uint64_t failed = 0;
  std::uint64_t unknown = 0;  ///< local errors
  bool any_bad = false;
  Interval longest;  ///< outage so far; open-ended while it is not settled
  ClassCounts classes{};

  /// Scheduled time of the first sample of the stretch in which the stack has been served for at
  /// least `settle`, with every result in; none while it is not. Without any failure that is the
  /// first sample since the moment asked for. Blocked by a request that is on its way for longer
  /// than `settle`, since it may be the first of an outage.
  std::optional<std::int64_t> settled_since;
  /// Until when (scheduled time) all results are in, without a gap, and everything since
  /// the last failure was served; none when the last result before the first gap failed.
  std::optional<std::int64_t> served_until;
  /// How long the oldest request without a result has been due; 0 when none is overdue.
  std::int64_t oldest_pending_ns = 0;
  std::uint64_t pending = 0;  ///< due by now, without a result
};

/// Takes samples in the order of completion and keeps them in the order of their schedule.
/// Agrees with judge(): what is settled here is a finished outage there.
class LiveView {
 public:
  LiveView(std::int64_t period_ns, std::int64_t settle_ns);

  void add(const kinds::Sample& sample);
  /// What is known at `now_ns` about the time since `since_ns` (both on the samples' clock).
  /// Requests that were on their way at `since_ns` count too: whatever happened then hit them.
  LiveState since(std::int64_t since_ns, std::int64_t now_ns) const;
  /// Drops what was scheduled before, also what still comes in of it; keeps a long run's memory
  /// small. Nothing is known of that time afterwards.
  void forget_before(std::int64_t before_ns);

 private:
  // Results that are not in yet.
  struct Gaps {
    std::uint64_t pending = 0;
    std::int64_t oldest_pending_ns = 0;
    std::size_t whole_until = 0;  // index: all results before it are in
  };
  std::size_t first_hit(std::int64_t since_ns) const;
  Gaps find_gaps(std::size_t from, std::int64_t since_ns, std::int64_t now_ns) const;

  std::int64_t period_ns_;
  std::int64_t settle_ns_;
  std::int64_t longest_flight_ns_ = 0;  ///< largest finished - scheduled so far
  std::int64_t forgotten_before_ns_ = std::numeric_limits<std::int64_t>::min();
  std::vector<kinds::Sample> by_schedule_;
};

}  // namespace nospof::verdict
