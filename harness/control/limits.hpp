#pragma once
// How much may be broken at the same time: the topology's `limits`, and what needs a word of
// consent.

#include <string>
#include <vector>

#include "kinds/registry.hpp"
#include "spec/experiment.hpp"
#include "spec/topology.hpp"

namespace nospof::control {

/// Why these hosts must not all be broken at the same time; empty: they may. Pure.
std::string beyond_limits(const spec::Topology& topology, const std::vector<std::string>& hosts);

/// Throws Error, with the file and line, when an experiment breaks more at the same time than its
/// topology allows. Who has a role is not known before it runs; the runner asks again then.
void check_limits(const spec::Experiment& experiment, const spec::Topology& topology,
                  const kinds::Registry& registry);

/// Throws Error when faults would hit machines that are no lab and nobody said that they may.
void require_consent(const spec::Topology& topology, bool given);

}  // namespace nospof::control
