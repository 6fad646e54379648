#pragma once
// Judging the one cell of a run made by hand.

#include <algorithm>
#include <string>

#include "tests/unit/verdict/scenario.hpp"
#include "verdict/judge.hpp"

namespace nospof::test {

inline constexpr std::int64_t injected = first_cell + injected_after;

/// An outage that begins with the first request after the injection.
inline verdict::RunRecord with_outage(std::int64_t length_ns,
                                      kinds::Outcome outcome = kinds::Outcome::connect_refused) {
  return one_cell_run(fails_between(injected, injected + length_ns, outcome));
}

inline verdict::CellResult judged(const verdict::RunRecord& run) {
  return verdict::judge_cell(run, 0);
}

/// The first step of that name in the only cell.
inline verdict::Step& step_named(verdict::RunRecord& run, const std::string& name) {
  return *std::ranges::find(run.cells[0].steps, name, &verdict::Step::step);
}

}  // namespace nospof::test
