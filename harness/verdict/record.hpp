#pragma once
// What is known of a run, as plain structs: its events and its samples (docs/run-directory.md).
// Whatever a killed run did not write is absent here.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "history/history.hpp"
#include "kinds/finding.hpp"
#include "kinds/sample.hpp"
#include "spec/experiment.hpp"
#include "system/clock.hpp"
#include "verdict/clocks.hpp"

namespace nospof::verdict {

enum class Mode { prove, run };

/// One component x one fault, as planned; or a fault on several hosts.
struct CellPlan {
  std::string id;
  std::string host;     ///< empty for an experiment, and when `hosts` are hit
  std::string service;  ///< empty for a fault on the host
  std::string fault;
  std::string label;
  std::map<std::string, std::string> parameters;  ///< as JSON text
  std::string predicted = {};           ///< "survives" or "breaks"; empty: nothing was predicted
  std::vector<std::string> hosts = {};  ///< of a cell that hits several
  bool in_turn = false;  ///< each of them while the one before comes back; else all at once

  /// Hosts that must break the service together: the cell passes when they do, since a proof that
  /// cannot see an outage proves nothing.
  bool is_control() const { return !hosts.empty() && predicted == "breaks"; }
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
  /// Of witnesses that confirm: at which hosts their connections end. None: of an older record,
  /// which does not tell.
  std::optional<std::vector<std::string>> of_hosts = {};
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
  int lab = 1;                      ///< where it ran, from 1
  int beside = 0;                   ///< in how many other labs cells could run at the same time
  std::optional<double> cpu_idle;   ///< share of the machine's CPU time while it ran, 0 to 1
  std::vector<CellRecord> earlier;  ///< tries that were repeated, in the order of time
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

/// One of the things that they look at, and whether any look told something about it.
struct Expected {
  kinds::Expectation expectation;
  bool decided = false;
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

/// What the machine that a run was on could do, as `nospof doctor` tells it.
struct CapabilityMark {
  std::string name;
  bool present = false;
  std::string missing;  ///< why not
};
struct Machine {
  std::string kernel;  ///< "Linux 6.1.0-21-amd64 x86_64"
  std::vector<CapabilityMark> capabilities;
};

/// What was measured and seen in one lab of a run.
struct LabRecord {
  std::vector<Lateness> lateness;
  std::vector<ClockReading> clock_readings;
  HostClocks clocks;                     ///< of its hosts, from them; empty until map_event_times()
  std::vector<std::int64_t> lab_ups_ns;  ///< when it was up: a run may go on in a fresh one
  std::vector<ObserverInfo> observers;
  std::vector<ObserverStart> observer_starts;  ///< in the order of time, as are:
  std::vector<Sighting> sightings;
  std::vector<Look> looks;
  /// By probe and host, in the probe's order.
  std::map<std::pair<std::string, std::string>, std::vector<Expected>> expected;
  std::vector<kinds::Sample> samples;  ///< in the order of completion
};

/// As a LabRecord it has what belongs to the first lab; most runs have no other.
struct RunRecord : LabRecord {
  bool started = false;  ///< a run-started event was found; without it the rest is empty
  int schema = 0;
  std::string tool;
  Mode mode = Mode::prove;
  std::string name;
  std::string title;
  TopologyId topology;
  Nanoseconds outage_budget{};
  /// Share of the machine's CPU time, 0 to 1: a cell with less of it idle shows no weakness of the
  /// stack (see excuse.hpp). 0: every cell does.
  double min_idle = 0;
  std::optional<spec::Percent> slo_availability;  ///< share of requests that must be served
  Nanoseconds settle{};
  ProbeInfo probe;
  std::vector<CellRecord> cells;  ///< in the planned order
  std::vector<LeftOut> left_out;
  std::vector<spec::Hypothesis> hypothesis;  ///< for Mode::run
  std::vector<HealingFailure> healing_failures;
  std::optional<RunEnd> end;      ///< none: the run was killed
  std::string started_at;         ///< UTC text
  std::string ended_at;           ///< UTC text of the last event
  std::string command;            ///< that repeats it, as for a shell
  std::vector<std::string> argv;  ///< as it was begun
  std::string commit;             ///< of the nospof that recorded it; empty: not known
  std::optional<std::uint64_t>
      seed;  ///< of what was left to chance; none: nothing, or not recorded
  std::optional<Machine> machine;
  std::optional<Nanoseconds> recovery_deadline;
  std::optional<double> lab_up_seconds;  ///< of the first lab
  std::vector<HistoryRecord> histories;
  std::vector<LabRecord> other_labs;  ///< of the second lab, the third, and so on
  std::vector<std::string> damage;    ///< what could not be read: torn lines, missing samples
};

}  // namespace nospof::verdict
