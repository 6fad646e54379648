#include "verdict/judge_cell.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "spec/units.hpp"
#include "verdict/evidence.hpp"
#include "verdict/excuse.hpp"
#include "verdict/hypothesis.hpp"
#include "verdict/window.hpp"

namespace nospof::verdict {

namespace {

using spec::human_duration;

constexpr double enough_results = 0.95;
constexpr double too_many_late = 0.05;

// Everything about one cell that rules look at, and what they find.
struct Case {
  const RunRecord& run;
  const CellRecord& cell;
  const Evidence& evidence;
  const Window& window;
  CellResult& result;
  std::vector<std::string> violations;  // fail, whatever else is known
  std::vector<std::string> breaches;    // fail, if they are the fault's doing
  std::vector<std::string> doubts;      // never a pass
};

bool judged_by_budget(const RunRecord& run) {
  return run.mode == Mode::prove || run.hypothesis.empty();
}

bool started_late(const kinds::Sample& sample, Nanoseconds limit) {
  return sample.started_ns - sample.scheduled_ns > limit.count();
}

void look_for_violations(Case& c) {
  constexpr std::array never{kinds::Outcome::tls_untrusted, kinds::Outcome::tls_wrong_identity,
                             kinds::Outcome::tls_expired, kinds::Outcome::wrong_body};
  const Counts counts = count(c.window.whole);
  for (const kinds::Outcome outcome : never) {
    // A client that refuses the bad certificate of the fault itself does what it should: a failure.
    if (std::ranges::find(c.cell.caused, outcome) != c.cell.caused.end()) continue;
    if (const auto n = counts.classes.at(static_cast<std::size_t>(outcome)); n > 0)
      c.violations.push_back(fmt::format("{} of {} answers were {}: that may never happen", n,
                                         counts.total, kinds::outcome_name(outcome)));
  }
}

bool is_whole(const CellRecord& cell) {
  return cell.end == CellEnd::executed && cell.redundant && cell.redundant->ok;
}

void check_course(Case& c) {
  if (!c.cell.end) {
    c.doubts.push_back("the run ended before this cell was finished");
  } else if (*c.cell.end == CellEnd::aborted) {
    c.doubts.push_back("aborted: " + c.cell.detail);
  } else if (*c.cell.end == CellEnd::error) {
    c.doubts.push_back("could not be carried out: " + c.cell.detail);
  }
  if (!c.result.confirmed)
    c.doubts.push_back("the fault was not confirmed: " + c.evidence.confirmed.why_not);
  if (!c.result.healed)
    c.doubts.push_back("healing was not confirmed: " + c.evidence.healed.why_not);
  for (const Step& step : c.cell.steps)
    if (step.step == "held" && !step.ok)
      c.doubts.push_back(fmt::format("the fault did not last on {}: {}", step.host, step.detail));
  for (const HealingFailure& failure : c.run.healing_failures)
    if (failure.cell == c.cell.plan.id)
      c.doubts.push_back(fmt::format("healing failed on {}: {}", failure.host, failure.detail));
}

// What may never be is no matter of how long; that nobody looked is no proof that it was not so.
void check_observations(Case& c) {
  const Observations& seen = c.result.seen;
  for (const std::string& violation : seen.violations) c.violations.push_back(violation);
  for (const std::string& loss : seen.losses)
    is_whole(c.cell) ? c.violations.push_back(loss)
                     : c.doubts.push_back(loss + "; but the stack was not seen whole again");
  for (const std::string& who : seen.blind) c.doubts.push_back(blind_text(who));
}

// Returns whether what comes later can be ascribed to the fault.
bool check_baseline(Case& c) {
  const Counts& baseline = c.result.baseline;
  if (baseline.total == 0) {
    c.doubts.push_back("no baseline: nothing was measured before the fault");
    return false;
  }
  if (baseline.failed > 0) {
    c.doubts.push_back(
        fmt::format("the baseline was not good: {} of {} requests failed before "
                    "the fault",
                    baseline.failed, baseline.total));
    return false;
  }
  if (c.window.stalled_before > 0) {
    c.doubts.push_back(
        fmt::format("the baseline was not good: {} requests had been waiting for "
                    "longer than {} when the fault was injected",
                    c.window.stalled_before, human_duration(c.run.probe.slow)));
    return false;
  }
  return true;
}

// The longest time between two samples that tell something, neither of which failed: an outage in
// it would have gone unseen. Next to a failure it is in the outage's upper bound already.
Nanoseconds longest_hole(const std::vector<kinds::Sample>& timeline) {
  std::int64_t longest = 0;
  const kinds::Sample* last = nullptr;
  for (const kinds::Sample& sample : timeline) {
    const Service service = service_of(sample.outcome);
    if (service == Service::unknown) continue;
    if (last != nullptr && service == Service::served &&
        service_of(last->outcome) == Service::served)
      longest = std::max(longest, sample.scheduled_ns - last->scheduled_ns);
    last = &sample;
  }
  return Nanoseconds(longest);
}

// A prober that is often late may miss an outage as long as its own delay, and no longer: for a
// budget it matters only when that could be too long. Latencies it distorts in any case.
void check_lateness(Case& c) {
  const Nanoseconds limit = late_limit(c.run.probe.period);
  const auto late = static_cast<std::uint64_t>(std::ranges::count_if(
      c.window.affected,
      [limit](const kinds::Sample& sample) { return started_late(sample, limit); }));
  if (static_cast<double>(late) <= too_many_late * static_cast<double>(c.result.counts.total))
    return;
  const Nanoseconds worst = c.result.worst_lateness;
  const auto& upper = c.result.longest.upper;
  if (judged_by_budget(c.run) && upper && *upper + worst <= c.run.outage_budget) return;
  c.doubts.push_back(
      fmt::format("the prober was too slow: {} of {} requests began more than {} after their "
                  "schedule, the worst {}",
                  late, c.result.counts.total, human_duration(limit), human_duration(worst)));
}

void check_data(Case& c) {
  const Counts& counts = c.result.counts;
  if (counts.total == 0) {
    c.doubts.push_back("no data: no request has a result since the injection");
    return;
  }
  if (counts.unknown > 0)
    c.doubts.push_back(fmt::format("{} requests could not be sent by the prober", counts.unknown));
  const std::int64_t period = c.run.probe.period.count();
  if (c.cell.end && period > 0) {
    // One slot less than the length holds: the window's ends need not meet the schedule.
    const std::int64_t due = (c.window.end_ns - *c.result.injected_ns) / period - 1;
    if (static_cast<double>(counts.total) < enough_results * static_cast<double>(due))
      c.doubts.push_back(
          fmt::format("too little data: {} results of {} requests due", counts.total, due));
  }
  const Nanoseconds blind = judged_by_budget(c.run) ? c.run.outage_budget : c.run.settle;
  if (const Nanoseconds hole = longest_hole(c.window.timeline); hole > blind)
    c.doubts.push_back(fmt::format("nothing was measured for {}", human_duration(hole)));

  check_lateness(c);
}

// Whether the outage was seen by a prober that kept its schedule.
bool soundly_measured(const std::vector<Outage>& outages) {
  const auto longest = std::ranges::max_element(
      outages, {}, [](const Outage& outage) { return outage.length().lower; });
  return longest == outages.end() || longest->started_late * 2 <= longest->failed;
}

void check_budget(Case& c) {
  const Interval& longest = c.result.longest;
  const Nanoseconds budget = c.run.outage_budget;
  if (longest.lower > budget) {
    const std::string text = fmt::format("outage of {}, the budget is {}", interval_text(longest),
                                         human_duration(budget));
    if (soundly_measured(c.result.outages))
      c.breaches.push_back(text);
    else
      c.doubts.push_back(text + "; but the prober itself was late for most of it");
  } else if (!longest.upper) {
    c.doubts.push_back(fmt::format("the end of an outage ({}) was not seen, the budget is {}",
                                   interval_text(longest), human_duration(budget)));
  } else if (*longest.upper > budget) {
    c.doubts.push_back(fmt::format("outage of {}: the budget of {} lies in between",
                                   interval_text(longest), human_duration(budget)));
  }
}

// What the healing itself does to users is no sign that the hosts' absence was seen.
Nanoseconds broken_before(const Outage& outage, std::int64_t healed_ns) {
  const std::int64_t end_ns = std::min(outage.last_bad_ns, healed_ns);
  return std::max(Nanoseconds(end_ns - outage.first_bad_ns) - outage.clock, Nanoseconds{});
}

void check_control(Case& c) {
  const auto heal = std::ranges::find(c.cell.phases, "heal", &PhaseMark::phase);
  const std::int64_t healed_ns = heal != c.cell.phases.end() ? heal->at_ns : c.window.end_ns;
  std::vector<Outage> seen;
  Nanoseconds longest{};
  for (const Outage& outage : c.result.outages) {
    const Nanoseconds length = broken_before(outage, healed_ns);
    if (length <= longest) continue;
    longest = length;
    seen = {outage};
  }
  c.result.broken_for = longest;
  const std::string names = component_name(c.cell.plan);
  if (longest <= c.run.outage_budget)
    c.doubts.push_back(fmt::format(
        "control: {} were to break the service together, and while they were down no outage longer "
        "than {} was seen (at least {}): the topology says too little, or this proof cannot see an "
        "outage",
        names, human_duration(c.run.outage_budget), human_duration(longest)));
  else if (!soundly_measured(seen))
    c.doubts.push_back(
        fmt::format("control: outage of at least {}, but the prober itself was late for most of it",
                    human_duration(longest)));
  else if (c.cell.beside > 0 && !is_of_hosts(c.cell, c.run.min_idle, c.window.timeline,
                                             *c.result.injected_ns, healed_ns))
    c.doubts.push_back("control: " + *excuse_of(c.cell, 0));
}

void check_hypotheses(Case& c) {
  for (const spec::Hypothesis& item : c.run.hypothesis) {
    HypothesisResult result = check_hypothesis(item, c.result);
    const std::string text = fmt::format("{} {}: observed {}", spec::figure_text(item),
                                         item.tolerance.text, result.observed);
    if (result.verdict == Verdict::fail) {
      if (soundly_measured(c.result.outages))
        c.breaches.push_back(text);
      else
        c.doubts.push_back(text + "; but the prober itself was late for most of the outage");
    }
    if (result.verdict == Verdict::inconclusive) c.doubts.push_back(text + ": cannot be decided");
    c.result.hypothesis.push_back(std::move(result));
  }
}

void check_recovery(Case& c) {
  const bool finished = c.cell.end == CellEnd::executed;
  const bool failing = !c.result.outages.empty() && c.result.outages.back().unfinished;
  if (finished && failing && c.result.healed) {
    if (c.cell.served_again_ns)
      c.doubts.push_back("failing again when the cell ended");
    else
      c.breaches.push_back(c.run.recovery_deadline
                               ? fmt::format("did not recover within {} after the fault was healed",
                                             human_duration(*c.run.recovery_deadline))
                               : std::string("did not recover after the fault was healed"));
  }
  if (!c.cell.redundant) {
    if (finished) c.doubts.push_back("nobody asked whether the stack is redundant again");
  } else if (!c.cell.redundant->ok) {
    c.doubts.push_back("not redundant again: " + c.cell.redundant->detail);
  }
}

// Each outage counts from the last injection before it.
std::optional<Interval> recovery_of(const Evidence& evidence, const std::vector<Outage>& outages,
                                    Nanoseconds injection_clock) {
  std::optional<Interval> longest;
  for (const Outage& outage : outages) {
    std::int64_t from = evidence.injections.front().at_ns;
    for (const InjectionMark& mark : evidence.injections)
      if (mark.at_ns <= outage.first_bad_ns) from = mark.at_ns;
    Interval interval{Nanoseconds(std::max<std::int64_t>(outage.last_bad_ns - from, 0)),
                      std::nullopt};
    if (const auto over_ns = outage.over_by_ns())
      interval.upper = Nanoseconds(std::max<std::int64_t>(*over_ns - from, 0));
    interval = widened(interval, outage.clock + injection_clock);
    if (!longest || !interval.upper || (longest->upper && *interval.upper > *longest->upper))
      longest = interval;
  }
  return longest;
}

Nanoseconds worst_lateness(const RunRecord& run, const Window& window) {
  Nanoseconds worst{0};
  for (const kinds::Sample& sample : window.affected)
    worst = std::max(worst, Nanoseconds(sample.started_ns - sample.scheduled_ns));
  for (const Lateness& entry : run.lateness)
    if (entry.at_ns >= window.begin_ns && entry.at_ns < window.end_ns)
      worst = std::max(worst, entry.worst);
  return worst;
}

void measure(const RunRecord& run, const CellRecord& cell, const Evidence& evidence,
             const Window& window, CellResult& result) {
  result.executed = cell.end == CellEnd::executed;
  result.confirmed = evidence.confirmed.holds;
  result.healed = evidence.healed.holds;
  result.injected_ns = evidence.injected_ns();
  result.baseline = count(window.baseline);
  result.worst_lateness = worst_lateness(run, window);
  if (!result.injected_ns) return;
  result.counts = count(window.affected);
  result.latency = latencies(window.affected);
  result.outages = find_outages(window.timeline, run.settle, late_limit(run.probe.period));
  // What begins after the end of the cell is not its doing.
  std::erase_if(result.outages,
                [&](const Outage& outage) { return outage.first_bad_ns >= window.end_ns; });
  const std::string& prober = run.probe.from;
  for (Outage& outage : result.outages)
    outage.clock = run.clocks.at_own(prober, outage.first_bad_ns).uncertainty;
  const Nanoseconds of_injection = injection_clock(run, cell, *result.injected_ns);
  result.clock_uncertainty =
      std::max(of_injection, run.clocks.at_own(prober, *result.injected_ns).uncertainty);
  result.longest = longest_of(result.outages);
  result.recovery = recovery_of(evidence, result.outages, of_injection);
  if (evidence.healed.last_ns)
    result.healed_after = Nanoseconds(*evidence.healed.last_ns - *result.injected_ns);
  if (cell.redundant && cell.redundant->ok)
    result.redundant_after = Nanoseconds(cell.redundant->at_ns - *result.injected_ns);
}

std::string why_not_injected(const CellRecord& cell, const RunRecord& run) {
  if (!cell.started_ns)
    return "not executed: the run ended before" + (run.end ? " (" + run.end->reason + ")" : "");
  if (!cell.end) return "the run ended before the fault was injected";
  return "the fault was not injected" + (cell.detail.empty() ? "" : ": " + cell.detail);
}

CellTime time_in(const RunRecord& run, const CellRecord& cell, const Evidence& evidence,
                 const Window& window, std::int64_t injected_ns) {
  const auto is_tls = [](auto outcome) { return kinds::outcome_name(outcome).starts_with("tls-"); };
  CellTime time{window.begin_ns, injected_ns, window.end_ns, evidence.healed.last_ns};
  time.clock = injection_clock(run, cell, injected_ns);
  time.breaks_tls = std::ranges::any_of(cell.caused, is_tls);
  time.ended_whole = is_whole(cell);
  return time;
}

}  // namespace

std::optional<CellTime> time_of(const RunRecord& run, std::size_t index) {
  const Evidence evidence = evidence_of(run.cells.at(index));
  const auto injected_ns = evidence.injected_ns();
  if (!injected_ns) return std::nullopt;
  const Window window = window_of(run, index, evidence, {});
  return time_in(run, run.cells.at(index), evidence, window, *injected_ns);
}

CellResult judge_sorted(const RunRecord& run, std::size_t index,
                        std::span<const kinds::Sample> by_schedule,
                        const std::vector<Span>& spans) {
  const CellRecord& cell = run.cells.at(index);
  const Evidence evidence = evidence_of(cell);
  const Window window = window_of(run, index, evidence, by_schedule);
  CellResult result;
  result.plan = cell.plan;
  result.lab = cell.lab;
  result.beside = cell.beside;
  result.cpu_idle = cell.cpu_idle;
  result.hurried = is_hurried(cell, run.min_idle);
  measure(run, cell, evidence, window, result);
  if (result.injected_ns)
    result.seen =
        observations_of(run, spans, time_in(run, cell, evidence, window, *result.injected_ns));

  Case c{run, cell, evidence, window, result, {}, {}, {}};
  look_for_violations(c);
  if (!result.injected_ns) {
    c.doubts.push_back(why_not_injected(cell, run));
  } else {
    result.attributable = check_baseline(c) && result.confirmed;
    if (cell.plan.is_control())
      check_control(c);
    else if (judged_by_budget(run))
      check_budget(c);
    else
      check_hypotheses(c);
    check_recovery(c);
    check_course(c);
    check_data(c);
    check_observations(c);
  }
  result.violated = !c.violations.empty();
  result.breached = !c.breaches.empty() && result.attributable;
  const auto excuse = excuse_of(cell, run.min_idle);
  result.excused = result.breached && excuse.has_value();
  if (result.excused) c.doubts.push_back(*excuse);
  result.breached = result.breached && !result.excused;
  if (result.violated || result.breached)
    result.verdict = Verdict::fail;
  else if (c.breaches.empty() && c.doubts.empty())
    result.verdict = Verdict::pass;
  for (auto* found : {&c.violations, &c.breaches, &c.doubts})
    result.reasons.insert(result.reasons.end(), found->begin(), found->end());
  return result;
}

}  // namespace nospof::verdict
