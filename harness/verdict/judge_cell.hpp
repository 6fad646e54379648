#pragma once
// The rules for one cell; judge.hpp is what others use.

#include <span>

#include "verdict/judge.hpp"

namespace nospof::verdict {

/// `by_schedule` are all samples of the run, sorted with earlier(); `spans` all that was seen.
CellResult judge_sorted(const RunRecord& run, std::size_t index,
                        std::span<const kinds::Sample> by_schedule, const std::vector<Span>& spans);

/// When a cell was, as far as its fault was injected.
std::optional<CellTime> time_of(const RunRecord& run, std::size_t index);

}  // namespace nospof::verdict
