#include "verdict/judge.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spec/units.hpp"
#include "verdict/in_lab.hpp"
#include "verdict/judge_cell.hpp"
#include "verdict/spofs.hpp"

namespace nospof::verdict {

namespace {

// What one lab of a run tells of its cells.
class LabJudge {
 public:
  LabJudge(const RunRecord& run, int lab)
      : run_(in_lab(run, lab)), spans_(spans_of(run_)), by_schedule_(std::move(run_.samples)) {
    std::ranges::sort(by_schedule_, nospof::verdict::earlier);
  }

  CellResult judge(std::size_t place) const {
    return judge_sorted(run_, place, by_schedule_, spans_);
  }
  const RunRecord& run() const { return run_; }
  const std::vector<Span>& spans() const { return spans_; }
  Traffic traffic() const { return traffic_of(run_, by_schedule_); }
  /// None when no fault was injected in it.
  std::vector<StandingFinding> findings() const {
    std::vector<CellTime> times;
    for (std::size_t i = 0; i < run_.cells.size(); ++i)
      if (const auto time = time_of(run_, i)) times.push_back(*time);
    return times.empty() ? std::vector<StandingFinding>{} : standing_findings(run_, spans_, times);
  }

 private:
  RunRecord run_;
  std::vector<Span> spans_;
  std::vector<kinds::Sample> by_schedule_;
};

// What failed in one try has failed: what was the machine's doing is inconclusive, and that it did
// not happen again is no excuse. A cell that failed is tried again only along with others.
void add_earlier(const CellResult& earlier, CellResult& result) {
  result.earlier.push_back({earlier.lab, earlier.beside, earlier.verdict, earlier.reasons});
  if (earlier.verdict != Verdict::fail) return;
  result.verdict = Verdict::fail;
  result.violated = result.violated || earlier.violated;
  result.breached = result.breached || earlier.breached;
  result.attributable = result.attributable || earlier.attributable;
  result.longest = longer_of(result.longest, earlier.longest);
  for (const std::string& reason : earlier.reasons)
    result.reasons.push_back("in an earlier try: " + reason);
}

// The labs of a run, by need: a lab's samples are sorted once for all of its cells.
class Labs {
 public:
  explicit Labs(const RunRecord& run) : run_(run), places_(places_of_earlier(run)) {}

  CellResult judge(std::size_t index) {
    const CellRecord& cell = run_.cells.at(index);
    CellResult result = lab(cell.lab).judge(index);
    for (std::size_t n = 0; n < cell.earlier.size(); ++n)
      add_earlier(lab(cell.earlier[n].lab).judge(places_[index][n]), result);
    return result;
  }
  const LabJudge& lab(int number) {
    const auto known = judges_.find(number);
    return known != judges_.end() ? known->second
                                  : judges_.emplace(number, LabJudge(run_, number)).first->second;
  }

 private:
  const RunRecord& run_;
  std::vector<std::vector<std::size_t>> places_;
  std::map<int, LabJudge> judges_;
};

// The same in several labs is one finding.
void add_findings(std::vector<StandingFinding> found, std::vector<StandingFinding>& findings) {
  for (StandingFinding& finding : found) {
    const auto known = std::ranges::find_if(findings, [&](const StandingFinding& other) {
      return other.what == finding.what && other.subject == finding.subject;
    });
    if (known == findings.end()) {
      findings.push_back(std::move(finding));
      continue;
    }
    for (std::string& host : finding.hosts)
      if (std::ranges::find(known->hosts, host) == known->hosts.end())
        known->hosts.push_back(std::move(host));
  }
}

void judge_labs(const RunRecord& run, Labs& labs, RunResult& result) {
  LineageBuilder lineage;
  MatrixBuilder matrices;
  for (int number = 1; number <= labs_of(run); ++number) {
    const LabJudge& lab = labs.lab(number);
    const Traffic traffic = lab.traffic();
    result.traffic.requests.add(traffic.requests);
    result.traffic.latency.merge(traffic.latency);
    add_findings(lab.findings(), result.findings);
    if (result.executed > 0)
      for (const std::string& probe : blind_all_along(lab.run()))
        result.reasons.push_back(fmt::format(
            "the probe {} could tell nothing in the whole run{}: what only it looks at was never "
            "examined",
            probe, labs_of(run) > 1 ? fmt::format(", in lab {}", number) : ""));
    lineage.add_lab(lab.run());
    matrices.add_lab(lab.run(), lab.spans());
  }
  result.lineage = lineage.finish();
  result.matrices = matrices.finish();
  if (result.executed > 0)
    for (const std::string& what : never_examined(result.matrices))
      result.reasons.push_back("nothing could be told in the whole run about " + what +
                               ": it was never examined");
}

// Only what is known to be the fault's doing, or to have been survived, says something of a model.
std::optional<Agreement> agreement_of(const CellResult& cell, Nanoseconds budget) {
  if (cell.plan.is_control()) {
    if (cell.verdict == Verdict::pass) return Agreement::agrees;
    // Inconclusive for that reason alone.
    const bool survived = cell.attributable && cell.reasons.size() == 1 && cell.broken_for &&
                          *cell.broken_for <= budget;
    return survived ? std::optional(Agreement::too_pessimistic) : std::nullopt;
  }
  const bool too_long = !cell.longest.upper || cell.longest.lower > budget;
  const bool broke = cell.breached && too_long;
  if (!broke && cell.verdict != Verdict::pass) return std::nullopt;
  if (cell.plan.predicted == "survives")
    return broke ? Agreement::fake_redundancy : Agreement::agrees;
  if (cell.plan.predicted == "breaks")
    return broke ? Agreement::agrees : Agreement::too_pessimistic;
  return std::nullopt;
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

// Whose clocks the times that are judged in a lab were read from.
std::set<std::string> hosts_that_told_times(const RunRecord& run, int lab) {
  std::set<std::string> used;
  // A lab that never came up told no time.
  if (!lab_record(run, lab).samples.empty()) used.insert(run.probe.from);
  for (const Look& look : lab_record(run, lab).looks) used.insert(look.host);
  const auto add = [&](const CellRecord& cell) {
    for (const Step& step : cell.steps)
      if (cell.lab == lab && !step.clock.empty()) used.insert(step.clock);
  };
  for (const CellRecord& cell : run.cells) {
    add(cell);
    std::ranges::for_each(cell.earlier, add);
  }
  used.erase("");
  return used;
}

void judge_clocks_in(const RunRecord& run, int lab, RunResult& result) {
  const LabRecord& record = lab_record(run, lab);
  const std::string where = labs_of(run) > 1 ? fmt::format(" in lab {}", lab) : "";
  for (const std::string& host : record.clocks.hosts())
    if (!record.clocks.worst(host).consistent)
      result.reasons.push_back(fmt::format(
          "the clock of {}{} cannot be compared with this machine's: readings contradict each "
          "other by more than {} ppm of drift; it was set, or it is not one clock",
          host, where, clock_drift * 1e6));
  for (const std::string& host : hosts_that_told_times(run, lab))
    if (!record.clocks.known(host))
      result.reasons.push_back(fmt::format(
          "the clock of {}{} was never compared with this machine's, so its times mean nothing",
          host, where));
}

void judge_clocks(const RunRecord& run, RunResult& result) {
  bool compared = false;
  for (int lab = 1; lab <= labs_of(run); ++lab)
    compared = compared || !lab_record(run, lab).clock_readings.empty();
  // Records from before clocks were compared are of one machine.
  if (!compared) return;
  for (int lab = 1; lab <= labs_of(run); ++lab) judge_clocks_in(run, lab, result);
}

// Whether what was missing in the last read was missing in a stack that nobody had left broken.
bool ended_whole(const RunRecord& run) {
  return run.end && run.end->reason == "complete" &&
         std::ranges::all_of(run.cells, [](const CellRecord& cell) {
           return !cell.redundant || cell.redundant->ok;
         });
}

void judge_histories(const RunRecord& run, RunResult& result) {
  const bool whole = ended_whole(run);
  for (const HistoryRecord& record : run.histories) {
    const HistoryResult& judged = result.histories.emplace_back(judge_history(record));
    for (StandingFinding& finding : findings_of(judged, run.probe.from))
      if (whole || finding.what != "lost-write")
        result.findings.push_back(std::move(finding));
      else
        result.reasons.push_back(fmt::format("{}: {}; but the stack was not seen whole at the end",
                                             judged.file, finding.detail));
    if (judged.verdict == history::Verdict::undecided)
      result.reasons.push_back(fmt::format("{} is undecided: {}", judged.file, judged.reason));
  }
  const bool kept = std::ranges::any_of(
      run.observers, [](const ObserverInfo& observer) { return observer.kind == "ledger"; });
  if (kept && result.executed > 0 && result.histories.empty())
    result.reasons.push_back(
        "the ledger's history is missing: nothing proves that no write is lost");
}

void measure_budget(const RunRecord& run, RunResult& result) {
  if (!run.slo_availability) return;
  result.budget = error_budget(result.traffic.requests, *run.slo_availability);
  double most = -1;
  for (const CellResult& cell : result.cells) {
    if (cell.plan.is_control()) continue;
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

std::string agreement_name(Agreement agreement) {
  switch (agreement) {
    case Agreement::agrees:
      return "agree";
    case Agreement::fake_redundancy:
      return "fake redundancy";
    case Agreement::too_pessimistic:
      return "model too pessimistic";
  }
  return "agree";
}

bool is_trial(const CellResult& cell) {
  return cell.verdict == Verdict::pass && !cell.plan.is_control() && cell.earlier.empty();
}

std::string component_name(const CellPlan& plan) {
  if (!plan.hosts.empty())
    return fmt::to_string(fmt::join(plan.hosts, plan.in_turn ? ", then " : " + "));
  if (plan.host.empty()) return plan.id;
  return plan.service.empty() ? plan.host : fmt::format("{} on {}", plan.service, plan.host);
}

CellResult judge_cell(const RunRecord& run, std::size_t index) {
  return Labs(run).judge(index);
}

RunResult judge(const RunRecord& run) {
  RunResult result;
  Labs labs(run);
  for (std::size_t i = 0; i < run.cells.size(); ++i) {
    result.cells.push_back(labs.judge(i));
    const CellResult& cell = result.cells.back();
    result.cells.back().agreement = agreement_of(cell, run.outage_budget);
    result.executed += cell.executed ? 1U : 0U;
    result.passed += cell.verdict == Verdict::pass ? 1U : 0U;
    result.controls += cell.verdict == Verdict::pass && cell.plan.is_control() ? 1U : 0U;
    result.failed += cell.verdict == Verdict::fail ? 1U : 0U;
    result.inconclusive += cell.verdict == Verdict::inconclusive ? 1U : 0U;
  }
  judge_run(run, result);
  judge_clocks(run, result);
  judge_labs(run, labs, result);
  measure_budget(run, result);
  const std::size_t survived = result.passed - result.controls;
  result.trials = static_cast<std::size_t>(std::ranges::count_if(result.cells, is_trial));
  if (result.trials > 0 && result.failed == 0) result.failure_bound = failure_bound(result.trials);
  if (survived == 0 && result.controls > 0)
    result.reasons.push_back(
        "no cell was survived: controls show that this proof sees outages, and nothing else");
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

std::vector<std::size_t> to_repeat(const RunResult& result, bool had_several_labs) {
  std::vector<std::size_t> cells;
  for (std::size_t i = 0; i < result.cells.size(); ++i) {
    const CellResult& cell = result.cells[i];
    // Also of one that failed for a violation: whether it is a SPOF besides.
    if (cell.verdict != Verdict::inconclusive && !cell.excused) continue;
    const bool left_open_by_labs = had_several_labs && (cell.beside > 0 || !cell.executed);
    const bool left_open_by_time = cell.hurried && cell.earlier.empty();
    if (left_open_by_labs || left_open_by_time) cells.push_back(i);
  }
  return cells;
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
