#include "verdict/judge.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "spec/units.hpp"
#include "verdict/judge_cell.hpp"
#include "verdict/spofs.hpp"

namespace nospof::verdict {

namespace {

std::vector<kinds::Sample> sorted(const RunRecord& run) {
  std::vector<kinds::Sample> by_schedule = run.samples;
  std::ranges::sort(by_schedule, earlier);
  return by_schedule;
}

void judge_run(const RunRecord& run, RunResult& result) {
  if (!run.started) {
    result.reasons.push_back("nothing was executed: the run was never begun");
  } else if (!run.end) {
    result.reasons.push_back(
        "the run ended before it was complete: it was killed, or still goes on");
  } else if (run.end->reason != "complete") {
    result.reasons.push_back(fmt::format("the run was not completed: {}{}{}", run.end->reason,
                                         run.end->detail.empty() ? "" : ": ", run.end->detail));
  }
  if (run.started && run.cells.empty())
    result.reasons.push_back("nothing was executed: there is no cell");
  else if (run.started && result.executed == 0)
    result.reasons.push_back("nothing was executed");
  for (const std::string& damage : run.damage)
    result.reasons.push_back("the record is damaged: " + damage);
  for (const HealingFailure& failure : run.healing_failures)
    result.reasons.push_back(
        fmt::format("healing failed{}{}{}{}: {}; something may be left behind: `nospof recover`",
                    failure.host.empty() ? "" : " on ", failure.host,
                    failure.cell.empty() ? "" : " after ", failure.cell, failure.detail));
}

void judge_clocks(const RunRecord& run, RunResult& result) {
  for (const std::string& host : run.clocks.hosts())
    if (!run.clocks.worst(host).consistent)
      result.reasons.push_back(fmt::format(
          "the clock of {} cannot be compared with this machine's: readings contradict each other "
          "by more than {} ppm of drift; it was set, or it is not one clock",
          host, clock_drift * 1e6));
  // Records from before clocks were compared are of one machine.
  if (run.clock_readings.empty()) return;
  std::set<std::string> used{run.probe.from};
  for (const Look& look : run.looks) used.insert(look.host);
  for (const CellRecord& cell : run.cells)
    for (const Step& step : cell.steps)
      if (!step.clock.empty()) used.insert(step.clock);
  for (const std::string& host : used)
    if (!host.empty() && !run.clocks.known(host))
      result.reasons.push_back(fmt::format(
          "the clock of {} was never compared with this machine's, so its times mean nothing",
          host));
}

void judge_histories(const RunRecord& run, RunResult& result) {
  for (const HistoryRecord& record : run.histories) {
    const HistoryResult& judged = result.histories.emplace_back(judge_history(record));
    for (StandingFinding& finding : findings_of(judged, run.probe.from))
      result.findings.push_back(std::move(finding));
    if (judged.verdict == history::Verdict::undecided)
      result.reasons.push_back(fmt::format("{} is undecided: {}", judged.file, judged.reason));
  }
}

void measure_budget(const RunRecord& run, RunResult& result) {
  if (!run.slo_availability) return;
  result.budget = error_budget(result.traffic.requests, *run.slo_availability);
  double most = -1;
  for (const CellResult& cell : result.cells) {
    const auto availability = cell.counts.availability();
    // The share that failed, not the burn rate: that one is unknown when nothing may fail.
    if (!availability || 1 - *availability <= most) continue;
    most = 1 - *availability;
    result.worst = WorstCell{cell.plan.id, error_budget(cell.counts, *run.slo_availability)};
  }
}

}  // namespace

std::string verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::inconclusive:
      return "inconclusive";
  }
  return "inconclusive";
}

std::string component_name(const CellPlan& plan) {
  if (plan.host.empty()) return plan.id;
  return plan.service.empty() ? plan.host : fmt::format("{} on {}", plan.service, plan.host);
}

CellResult judge_cell(const RunRecord& run, std::size_t index) {
  return judge_sorted(run, index, sorted(run), spans_of(run));
}

RunResult judge(const RunRecord& run) {
  RunResult result;
  const std::vector<kinds::Sample> by_schedule = sorted(run);
  const std::vector<Span> spans = spans_of(run);
  std::vector<CellTime> times;
  for (std::size_t i = 0; i < run.cells.size(); ++i) {
    if (const auto time = time_of(run, i)) times.push_back(*time);
    result.cells.push_back(judge_sorted(run, i, by_schedule, spans));
    const CellResult& cell = result.cells.back();
    result.executed += cell.executed ? 1U : 0U;
    result.passed += cell.verdict == Verdict::pass ? 1U : 0U;
    result.failed += cell.verdict == Verdict::fail ? 1U : 0U;
    result.inconclusive += cell.verdict == Verdict::inconclusive ? 1U : 0U;
  }
  judge_run(run, result);
  judge_clocks(run, result);
  result.traffic = traffic_of(run, by_schedule);
  measure_budget(run, result);
  // A cell that passed was executed; inconclusive ones are no trials, whatever they would have
  // been.
  if (result.passed > 0 && result.failed == 0) result.failure_bound = failure_bound(result.passed);
  if (!times.empty()) result.findings = standing_findings(run, spans, times);
  judge_histories(run, result);
  result.spofs = find_spofs(result.cells);
  if (result.failed > 0 || !result.findings.empty())
    result.verdict = Verdict::fail;
  else if (result.passed > 0 && result.inconclusive == 0 && result.reasons.empty())
    result.verdict = Verdict::pass;
  switch (result.verdict) {
    case Verdict::pass:
      result.exit_code = 0;
      break;
    case Verdict::fail:
      result.exit_code = 1;
      break;
    case Verdict::inconclusive:
      result.exit_code = 3;
      break;
  }
  if (!run.healing_failures.empty()) result.exit_code = 5;
  return result;
}

std::string summary_line(const CellResult& cell) {
  if (!cell.injected_ns) return "nothing was injected";
  std::string text = cell.outages.empty() ? "no outage" : "outage " + interval_text(cell.longest);
  text += fmt::format(", {} of {} failed", cell.counts.failed, cell.counts.total);
  if (cell.recovery && cell.recovery->upper)
    text += fmt::format(", served again after {}", spec::human_duration(*cell.recovery->upper));
  if (cell.redundant_after)
    text += fmt::format(", redundant after {}", spec::human_duration(*cell.redundant_after));
  return text;
}

}  // namespace nospof::verdict
