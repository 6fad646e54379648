#pragma once
// Failing cells -> the components that are single points of failure.

#include <vector>

#include "verdict/judge.hpp"

namespace nospof::verdict {

/// One entry per component in the order of the cells. A cell counts when users were without service
/// for too long, or the stack did not come back, and that is the fault's doing. What else may never
/// be (a lost write, clear text) is told by the cell's reasons: it is no outage. Services of a host
/// that is a SPOF itself stand under it.
std::vector<Spof> find_spofs(const std::vector<CellResult>& cells);

}  // namespace nospof::verdict
