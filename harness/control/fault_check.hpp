#pragma once
// Whether the faults of an experiment can be planned at all, before anything is started.

#include "kinds/registry.hpp"
#include "spec/experiment.hpp"
#include "spec/topology.hpp"

namespace nospof::control {

/// Plans every fault for each host that it may hit (a role: whoever may have it), and lets its kind
/// check what its agents would be sent. What only the deployed stack knows, as paths and keys, is
/// made up for it. Throws spec::SpecError with the file and line of each fault that no agent would
/// take. Changes nothing.
void check_faults(const spec::Experiment& experiment, const spec::Topology& topology,
                  const kinds::Registry& registry);

}  // namespace nospof::control
