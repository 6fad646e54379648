#pragma once
// Did a run plan every cell of its topology, or say why not?

#include <string>
#include <vector>

#include "spec/catalogue.hpp"
#include "spec/topology.hpp"
#include "verdict/record.hpp"

namespace nospof::control {

/// One sentence for every cell that plan_campaign() gives and the record neither plans nor leaves
/// out by name, and for every cell of the record that is none of the topology's, is planned
/// otherwise, or stands twice.
std::vector<std::string> check_plan(const spec::Topology& topology,
                                    const spec::Catalogue& catalogue,
                                    const verdict::RunRecord& run);

}  // namespace nospof::control
