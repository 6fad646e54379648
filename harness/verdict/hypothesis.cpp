#include "verdict/hypothesis.hpp"

#include <chrono>
#include <limits>

#include <fmt/format.h>

#include "spec/units.hpp"

namespace nospof::verdict {

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

double seconds(Nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

Observed in_seconds(const Interval& interval) {
  return {seconds(interval.lower), interval.upper ? seconds(*interval.upper) : infinite};
}

std::optional<Observed> exactly(std::optional<double> value) {
  if (!value) return std::nullopt;
  return Observed{*value, *value};
}

std::optional<Observed> latency(const std::optional<Nanoseconds>& value) {
  if (!value) return std::nullopt;
  return exactly(seconds(*value));
}

std::optional<Observed> count_of(const std::string& outcome, const Counts& counts) {
  const auto known = kinds::outcome_from_name(outcome);
  if (!known) return std::nullopt;
  return exactly(static_cast<double>(counts.classes.at(static_cast<std::size_t>(*known))));
}

Nanoseconds from_seconds(double value) {
  return std::chrono::duration_cast<Nanoseconds>(std::chrono::duration<double>(value));
}

}  // namespace

Verdict hold_against(const spec::Tolerance& tolerance, const Observed& observed) {
  const bool low_holds = tolerance.holds(observed.low);
  const bool high_holds = tolerance.holds(observed.high);
  bool none = false;
  switch (tolerance.comparator) {
    case spec::Comparator::less:
    case spec::Comparator::less_equal:
      none = !low_holds;
      break;
    case spec::Comparator::greater:
    case spec::Comparator::greater_equal:
      none = !high_holds;
      break;
    case spec::Comparator::equal:
      none = observed.high < tolerance.low || observed.low > tolerance.low;
      break;
    case spec::Comparator::between:
      none = observed.high < tolerance.low || observed.low > tolerance.high;
      break;
  }
  // Every tolerance is one range without holes: what holds at both ends holds between.
  if (low_holds && high_holds) return Verdict::pass;
  return none ? Verdict::fail : Verdict::inconclusive;
}

std::optional<Observed> observe(const spec::Hypothesis& hypothesis, const CellResult& cell) {
  if (cell.counts.total == 0) return std::nullopt;
  switch (hypothesis.figure) {
    case spec::Figure::availability:
      return exactly(cell.counts.availability());
    case spec::Figure::failed:
      return exactly(static_cast<double>(cell.counts.failed));
    case spec::Figure::count:
      return count_of(hypothesis.outcome, cell.counts);
    case spec::Figure::longest_outage:
      return in_seconds(cell.longest);
    case spec::Figure::time_to_recover:
      return cell.recovery ? in_seconds(*cell.recovery) : Observed{0, 0};
    case spec::Figure::p50:
      return latency(cell.latency.p50);
    case spec::Figure::p90:
      return latency(cell.latency.p90);
    case spec::Figure::p99:
      return latency(cell.latency.p99);
    case spec::Figure::p999:
      return latency(cell.latency.p999);
    case spec::Figure::p9999:
      return latency(cell.latency.p9999);
    case spec::Figure::max:
      return latency(cell.latency.max);
  }
  return std::nullopt;
}

std::string observed_text(spec::Figure figure, const std::optional<Observed>& observed) {
  if (!observed) return "no data";
  switch (spec::figure_unit(figure)) {
    case spec::FigureUnit::fraction:
      return fmt::format("{:.6g}%", observed->low * 100);
    case spec::FigureUnit::count:
      return fmt::format("{:.0f}", observed->low);
    case spec::FigureUnit::seconds:
      break;
  }
  if (observed->high == infinite) return interval_text({from_seconds(observed->low), std::nullopt});
  if (observed->low >= observed->high) return spec::human_duration(from_seconds(observed->low));
  return interval_text({from_seconds(observed->low), from_seconds(observed->high)});
}

HypothesisResult check_hypothesis(const spec::Hypothesis& hypothesis, const CellResult& cell) {
  HypothesisResult result;
  result.hypothesis = hypothesis;
  const auto observed = observe(hypothesis, cell);
  result.observed = observed_text(hypothesis.figure, observed);
  if (observed) result.verdict = hold_against(hypothesis.tolerance, *observed);
  return result;
}

}  // namespace nospof::verdict
