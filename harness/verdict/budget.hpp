#pragma once
// What a run says about the objective (SLO), and what its passes say about cells that were not run.

#include <cstdint>
#include <optional>
#include <span>

#include "spec/units.hpp"
#include "verdict/histogram.hpp"
#include "verdict/percentiles.hpp"
#include "verdict/record.hpp"

namespace nospof::verdict {

/// What was measured while cells went on, from the beginning of each to its end. Not while a lab
/// comes up between them: nobody promises that it serves then.
struct Traffic {
  Counts requests;
  Histogram latency;  ///< of right answers, from the scheduled time
};
/// `by_schedule` are all samples of the run, sorted with earlier().
Traffic traffic_of(const RunRecord& run, std::span<const kinds::Sample> by_schedule);

/// The failures that an SLO allows, and those that there were.
struct ErrorBudget {
  spec::Percent slo;
  std::uint64_t requests = 0;
  std::uint64_t spent = 0;  ///< failed requests
  double allowed = 0;       ///< (1 - SLO) x requests
  /// Failed share / (1 - SLO): at 1 the budget is spent just as fast as the SLO allows. None
  /// without requests, and when the SLO allows no failure and there was one.
  std::optional<double> burn_rate;
};
ErrorBudget error_budget(const Counts& counts, spec::Percent slo);

inline constexpr double confidence = 0.95;
/// Largest probability of a failing cell that `passes` independent cells, all of which passed, are
/// compatible with at that confidence: the exact (Clopper-Pearson) bound 1 - 0.05^(1/passes), one
/// without passes. With any larger one they would all pass in less than 5 % of the cases.
double failure_bound(std::uint64_t passes);

}  // namespace nospof::verdict
