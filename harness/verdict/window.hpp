#pragma once
// Which samples belong to a cell.

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "kinds/sample.hpp"
#include "verdict/evidence.hpp"
#include "verdict/record.hpp"

namespace nospof::verdict {

/// The samples of one cell, each list in the order of the schedule.
struct Window {
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = std::numeric_limits<std::int64_t>::max();  ///< max: the run ended before
  std::vector<kinds::Sample> whole;     ///< scheduled between begin and end
  std::vector<kinds::Sample> baseline;  ///< finished before the injection
  /// On their way at the injection, or scheduled after it, until the end.
  std::vector<kinds::Sample> affected;
  /// What outages are found in: `affected`, the good sample before, and what came after the end as
  /// long as nothing else was done to the stack, so that a last outage can be seen to end.
  std::vector<kinds::Sample> timeline;
  std::uint64_t stalled_before = 0;  ///< not answered within `slow` when the fault was injected
};

/// `by_schedule` are all samples of the run, sorted with earlier().
Window window_of(const RunRecord& run, std::size_t index, const Evidence& evidence,
                 std::span<const kinds::Sample> by_schedule);

}  // namespace nospof::verdict
