#pragma once
// Failing cells -> the components that are single points of failure.

#include <vector>

#include "verdict/judge.hpp"

namespace nospof::verdict {

/// One entry per component in the order of the cells. A cell counts when it failed and the failure
/// is the fault's doing. Services of a host that is a SPOF itself stand under it.
std::vector<Spof> find_spofs(const std::vector<CellResult>& cells);

}  // namespace nospof::verdict
