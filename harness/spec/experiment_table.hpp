#pragma once
// The table of an experiment file. Internal to spec.

#include <functional>

#include "spec/experiment.hpp"
#include "spec/table.hpp"

namespace nospof::spec {

/// Reads the topology that stands at `mark` of the experiment and makes its names known to
/// `context`.
using TopologyLoader = std::function<void(Context& context, Mark mark, const std::string& path)>;

/// Everything an experiment file may say. Without a loader it is good for its shape only.
Section<Experiment> experiment_table(const Catalogue& catalogue, TopologyLoader loader = {});

/// What the faults of an experiment must satisfy together; gives those without an id one.
void check_experiment(Context& context, const Node& root, Experiment& experiment);

}  // namespace nospof::spec
