#pragma once
// The rules for one cell; judge.hpp is what others use.

#include <span>

#include "verdict/judge.hpp"

namespace nospof::verdict {

/// `by_schedule` are all samples of the run, sorted with earlier().
CellResult judge_sorted(const RunRecord& run, std::size_t index,
                        std::span<const kinds::Sample> by_schedule);

}  // namespace nospof::verdict
