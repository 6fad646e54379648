#pragma once
// What was recorded -> pass, fail or inconclusive, with reasons. Pure: no file, no clock.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "verdict/budget.hpp"
#include "verdict/histories.hpp"
#include "verdict/lineage.hpp"
#include "verdict/matrices.hpp"
#include "verdict/observations.hpp"
#include "verdict/outages.hpp"
#include "verdict/percentiles.hpp"
#include "verdict/record.hpp"

namespace nospof::verdict {

enum class Verdict { pass, fail, inconclusive };
/// "pass", "fail", "inconclusive".
std::string verdict_name(Verdict verdict);

/// "db1", "mariadb on db1", or the cell's id when it has no single target.
std::string component_name(const CellPlan& plan);

/// One tolerance of an experiment, held against what was measured.
struct HypothesisResult {
  spec::Hypothesis hypothesis;
  Verdict verdict = Verdict::inconclusive;
  std::string observed;  ///< "1.2 s .. 1.24 s", "99.87 %"; "no data"
};

/// What was predicted for a cell, held against what was seen.
enum class Agreement {
  agrees,
  fake_redundancy,  ///< predicted to survive, and broke: the redundancy is on paper only
  too_pessimistic,  ///< predicted to break, and survived: the model knows too little
};
/// "agree", "fake redundancy", "model too pessimistic".
std::string agreement_name(Agreement agreement);
/// A cell that was repeated: what came of it before.
struct EarlierTry {
  int lab = 1;
  int beside = 0;  ///< in how many other labs cells could run at the same time
  Verdict verdict = Verdict::inconclusive;
  std::vector<std::string> reasons;
};

struct CellResult {
  CellPlan plan;
  Verdict verdict = Verdict::inconclusive;
  std::vector<std::string> reasons;  ///< why not pass; empty for pass
  bool executed = false;             ///< the controller went through all of it
  bool confirmed = false;            ///< the fault was measured to bite, on every host
  bool healed = false;               ///< and measured to be gone
  bool attributable = false;  ///< a failure is the fault's doing: confirmed, good baseline before
  Counts baseline;
  Counts counts;      ///< from the injection to the end of the cell
  Latencies latency;  ///< same
  std::vector<Outage> outages;
  Interval longest;                         ///< of the outages; zero when none
  std::optional<std::int64_t> injected_ns;  ///< from then on the fault could bite
  /// Injection to served again (settled): none when there was no outage.
  std::optional<Interval> recovery;
  std::optional<Nanoseconds> healed_after;     ///< injection to confirmed healing
  std::optional<Nanoseconds> redundant_after;  ///< injection to redundant again
  Nanoseconds worst_lateness{};                ///< of the prober
  /// How far the times of this cell may be off, as they are of several hosts' clocks: of the
  /// prober's, and of those where the fault was injected.
  Nanoseconds clock_uncertainty{};
  std::vector<HypothesisResult> hypothesis;  ///< for Mode::run
  Observations seen;                         ///< by the probes that look
  /// Of a control: how long users were without service for certain while its hosts were down.
  std::optional<Nanoseconds> broken_for = {};
  bool violated = false;  ///< something was seen that may never be, for however short a time
  /// The fault brought about what the budget, the hypothesis or the recovery does not allow.
  bool breached = false;
  bool excused = false;  ///< it would have, but may be the machine's doing: a try alone can tell
  int lab = 1;           ///< where it ran
  int beside = 0;        ///< in how many other labs cells could run at the same time
  std::optional<double> cpu_idle = {};   ///< of the machine, while it ran: 0 to 1
  bool hurried = false;                  ///< that is less than the run asks for, see excuse.hpp
  std::vector<EarlierTry> earlier = {};  ///< each repeated by the next one
  /// None without a prediction, or when the cell is inconclusive.
  std::optional<Agreement> agreement = std::nullopt;
};

/// Whether failure_bound() counts the cell: one that was to be survived, and was in its only try.
/// What was left open is tried again, so a pass in a later try is no fair trial.
bool is_trial(const CellResult& cell);

/// One failing cell as evidence for a SPOF.
struct SpofFault {
  std::string cell;
  std::string fault;
  std::string label;
  Interval outage;
  std::vector<std::string> reasons;
};

/// A component whose loss is not survived: a host, or a service on a host.
struct Spof {
  std::string name;  ///< "db1", or "mariadb on db1"
  std::string host;
  std::string service;            ///< empty: the host itself
  std::vector<SpofFault> faults;  ///< of the component itself
  std::vector<Spof> services;     ///< of a host that is a SPOF: its services that are SPOFs too
};

/// The cell of a run that burns the error budget fastest, from its injection to its end.
struct WorstCell {
  std::string id;
  ErrorBudget budget;
};

struct RunResult {
  Verdict verdict = Verdict::inconclusive;
  int exit_code = 3;  ///< 0, 1, 3 or 5; an interruption's 130/143 is the command line's
  std::vector<std::string> reasons;  ///< about the run as a whole
  std::vector<CellResult> cells;     ///< same order as the record's
  std::vector<Spof> spofs;
  std::vector<StandingFinding> findings;  ///< each of them makes the run fail
  std::vector<HistoryResult> histories;
  Lineage lineage;
  Matrices matrices;
  std::size_t executed = 0;
  std::size_t passed = 0;
  std::size_t controls = 0;  ///< of those that passed: hosts that broke the service, as they must
  std::size_t trials = 0;    ///< see is_trial()
  std::size_t failed = 0;
  std::size_t inconclusive = 0;
  Traffic traffic;
  std::optional<ErrorBudget> budget;  ///< of that traffic; none when the record tells no SLO
  std::optional<WorstCell> worst;     ///< likewise; none without requests in any cell
  /// See failure_bound(); of `trials`; none when a cell failed, or there was no trial.
  std::optional<double> failure_bound;
};

/// One cell of a run that may still be going on; `index` into run.cells.
CellResult judge_cell(const RunRecord& run, std::size_t index);

RunResult judge(const RunRecord& run);

/// Inconclusive cells, by index, that are to be tried again in a lab alone. After a run in several
/// labs: those that ran beside others, or were not carried out. After any: those in which the
/// machine had too little CPU time left (`hurried`), unless they were tried twice already.
std::vector<std::size_t> to_repeat(const RunResult& result, bool had_several_labs);

/// "outage 1.2 s .. 1.24 s, 14 of 320 failed, served again after 1.4 s": what was measured, for
/// people, without verdict and reasons.
std::string summary_line(const CellResult& cell);

}  // namespace nospof::verdict
