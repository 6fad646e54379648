#pragma once
// What is known of a run, as plain structs: its events and its samples (docs/run-directory.md).
// Whatever a killed run did not write is absent here.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "history/history.hpp"
#include "kinds/finding.hpp"
#include "kinds/sample.hpp"
#include "spec/experiment.hpp"
#include "system/clock.hpp"
#include "verdict/clocks.hpp"

namespace nospof::verdict {

enum class Mode { prove, run };

/// One component x one fault, as planned.
struct CellPlan {
  std::string id;
  std::string host;     ///< empty for an experiment
  std::string service;  ///< empty for a fault on the host
  std::string fault;
  std::string label;
  std::map<std::string, std::string> parameters;  ///< as JSON text
};

/// The moment a phase of a cell began.
struct PhaseMark {
  std::int64_t at_ns = 0;
  std::string phase;
};

/// One step in the life of an injection on one host.
struct Step {
  std::int64_t at_ns = 0;
  std::string injection;
  std::string host;
  std::string step;  ///< check, undo-written, inject, confirm, heal, confirm-healed, witness
  bool ok = false;
  std::string detail;
  std::string outcome;     ///< of confirmations: confirmed, not-confirmed, unable
  std::string clock = {};  ///< of which host at_ns was read from the clock; empty: the controller's
};

struct RedundantMark {
  std::int64_t at_ns = 0;
  bool ok = false;
  std::string detail;
};

struct HealingFailure {
  std::string cell;
  std::string host;
  std::string detail;
};

/// How the controller itself fared with a cell.
enum class CellEnd { executed, aborted, error };

struct CellRecord {
  CellPlan plan;
  std::optional<std::int64_t> started_ns;   ///< none: never begun
  std::optional<std::int64_t> finished_ns;  ///< none: the run ended before
  std::vector<PhaseMark> phases;
  std::vector<Step> steps;
  std::vector<kinds::Outcome> caused = {};      ///< what its faults are meant to show to clients
  std::optional<std::int64_t> served_again_ns;  ///< as the controller saw it
  std::optional<RedundantMark> redundant;
  std::optional<CellEnd> end;
  std::string detail;
  std::optional<Nanoseconds> overhead;
};

struct LeftOut {
  std::string what;
  std::string why;
};

struct TopologyId {
  std::string name;
  std::string file;
  std::string sha256;
};

struct ProbeInfo {
  std::string name;
  Nanoseconds period{};
  Nanoseconds slow{};
  Nanoseconds timeout{};
  std::string from;
  std::string url;
  std::string connection;
};

/// The prober's worst start against its schedule, in the second before `at_ns`.
struct Lateness {
  std::int64_t at_ns = 0;
  Nanoseconds worst{};
};

/// A probe that looked at the stack beside the workload, on one host.
struct ObserverInfo {
  std::string probe;  ///< its name
  std::string kind;
  std::string host;
};

/// What one of them told.
struct Sighting {
  std::int64_t told_ns = 0;  ///< when it was recorded
  std::string probe;
  std::string host;
  kinds::Finding finding;
};
struct Look {
  std::string probe;
  std::string host;
  kinds::Round round;
};

/// All probes of a host began (again).
struct ObserverStart {
  std::int64_t at_ns = 0;
  std::string host;
};

/// What clients did from one start of a ledger probe on.
struct HistoryRecord {
  std::string file;  ///< in the run's folder
  history::History history;
};

struct RunEnd {
  std::string reason;  ///< complete, interrupted, error
  std::string detail;
};

struct RunRecord {
  bool started = false;  ///< a run-started event was found; without it the rest is empty
  int schema = 0;
  std::string tool;
  Mode mode = Mode::prove;
  std::string name;
  std::string title;
  TopologyId topology;
  Nanoseconds outage_budget{};
  std::optional<spec::Percent> slo_availability;  ///< share of requests that must be served
  Nanoseconds settle{};
  ProbeInfo probe;
  std::vector<CellRecord> cells;  ///< in the planned order
  std::vector<LeftOut> left_out;
  std::vector<spec::Hypothesis> hypothesis;  ///< for Mode::run
  std::vector<Lateness> lateness;
  std::vector<ClockReading> clock_readings;
  HostClocks clocks;  ///< from them; empty until map_event_times()
  std::vector<HealingFailure> healing_failures;
  std::optional<RunEnd> end;  ///< none: the run was killed
  std::string started_at;     ///< UTC text
  std::string ended_at;       ///< UTC text of the last event
  std::string command;        ///< that repeats it, as for a shell
  std::optional<Nanoseconds> recovery_deadline;
  std::optional<double> lab_up_seconds;  ///< of the first lab
  std::vector<std::int64_t> lab_ups_ns;  ///< when a lab was up: a run may go on in a fresh one
  std::vector<ObserverInfo> observers;
  std::vector<ObserverStart> observer_starts;  ///< in the order of time, as are:
  std::vector<Sighting> sightings;
  std::vector<Look> looks;
  std::vector<HistoryRecord> histories;
  std::vector<kinds::Sample> samples;  ///< in the order of completion
  std::vector<std::string> damage;     ///< what could not be read: torn lines, missing samples
};

}  // namespace nospof::verdict
