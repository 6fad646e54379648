#include "verdict/budget.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "verdict/window.hpp"

namespace nospof::verdict {

namespace {

struct Stretch {
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
};

// Of the cells that were begun, in the order of time; without controls, which are to break.
std::vector<Stretch> stretches_of(const RunRecord& run) {
  std::vector<Stretch> stretches;
  for (std::size_t i = 0; i < run.cells.size(); ++i) {
    if (!run.cells[i].started_ns || run.cells[i].plan.is_control()) continue;
    const Window window = window_of(run, i, {}, {});
    stretches.push_back({window.begin_ns, window.end_ns});
  }
  std::ranges::sort(stretches, {}, &Stretch::begin_ns);
  return stretches;
}

}  // namespace

Traffic traffic_of(const RunRecord& run, std::span<const kinds::Sample> by_schedule) {
  const std::vector<Stretch> stretches = stretches_of(run);
  Traffic traffic;
  auto next = stretches.begin();
  for (const kinds::Sample& sample : by_schedule) {
    while (next != stretches.end() && sample.scheduled_ns >= next->end_ns) ++next;
    if (next == stretches.end()) break;
    if (sample.scheduled_ns < next->begin_ns) continue;
    traffic.requests.add(sample);
    if (answered(sample)) traffic.latency.add(latency_of(sample));
  }
  return traffic;
}

ErrorBudget error_budget(const Counts& counts, spec::Percent slo) {
  const double may_fail = 1 - slo.fraction;
  ErrorBudget budget;
  budget.slo = slo;
  budget.requests = counts.total;
  budget.spent = counts.failed;
  budget.allowed = may_fail * static_cast<double>(counts.total);
  if (counts.total == 0) return budget;
  if (counts.failed == 0)
    budget.burn_rate = 0;
  else if (may_fail > 0)
    budget.burn_rate =
        static_cast<double>(counts.failed) / static_cast<double>(counts.total) / may_fail;
  return budget;
}

double failure_bound(std::uint64_t passes) {
  if (passes == 0) return 1;
  // As 1 - pow() it would lose its digits when there are many.
  return -std::expm1(std::log1p(-confidence) / static_cast<double>(passes));
}

}  // namespace nospof::verdict
