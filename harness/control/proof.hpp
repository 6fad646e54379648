#pragma once
// A whole run: bring the lab up (or use one), go through the cells or experiments, close
// everything.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "control/campaign.hpp"
#include "control/progress.hpp"
#include "kinds/registry.hpp"
#include "spec/experiment.hpp"
#include "spec/topology.hpp"
#include "system/clock.hpp"

namespace nospof::control {

struct RunOptions {
  spec::Topology topology;
  std::string lab;  ///< a lab that is up already, used and left up; empty: one of the run's own
  bool keep_lab = false;  ///< leave the run's own lab up
  int labs = 1;           ///< of the run's own, side by side; 0: as many as there is room for
  /// Of the cells recorded in a run's folder those, by index, that are to be tried again in a lab
  /// alone. Asked once, when all were tried; not when the lab stays up, or was up before.
  std::function<std::vector<std::size_t>(const std::string& folder, bool had_several_labs)>
      to_repeat;
  double min_idle = 0;            ///< see verdict::RunRecord; for proofs
  bool observe = false;           ///< the probes that look run beside the workload
  std::string runs;               ///< folder for runs
  std::string command;            ///< how to repeat it, for the report
  std::vector<std::string> argv;  ///< how it was begun
  std::string commit;             ///< that this nospof was built from; empty: not known
};

struct RunEnd {
  std::string folder;     ///< the run's folder
  int signal_number = 0;  ///< what interrupted it, 0: nothing
  bool healing_complete = true;
};

/// Runs the cells. Whatever goes wrong with the stack is in the run's folder; throws Error only
/// when nothing could be started at all (no lab).
RunEnd run_proof(const RunOptions& options, const Campaign& campaign, Nanoseconds budget,
                 const kinds::Registry& registry, const Clock& clock, Watcher& watcher);

/// Runs one experiment.
RunEnd run_experiment(const RunOptions& options, const spec::Experiment& experiment,
                      const kinds::Registry& registry, const Clock& clock, Watcher& watcher);

/// What `nospof run --dry-run` prints: targets, blast radius, effect and undo of every fault.
/// Starts nothing.
std::string describe_plan(const spec::Experiment& experiment, const spec::Topology& topology,
                          const kinds::Registry& registry);

}  // namespace nospof::control
