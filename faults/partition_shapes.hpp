#pragma once
// Patterns in which a group of hosts can fall apart.

#include <string>
#include <vector>

#include "faults/witnesses.hpp"

namespace nospof::faults {

/// Names of all shapes of a partition: "isolate" and "group", which are no patterns, first.
std::vector<std::string> shape_names();

/// For each of the targets those that it no longer sees; whoever does not see somebody is not seen
/// by him either. Hosts that are no targets are seen by all.
///   halves           the first half (the larger one) and the rest
///   bridge           the same, but the one in the middle sees all
///   each-other       nobody sees anybody
///   majorities-ring  each one sees a majority (itself counted), no two the same
/// Throws Error for other names, and when there are too few targets.
std::vector<Hosts> unseen_by(const std::string& shape, const Hosts& targets);

}  // namespace nospof::faults
