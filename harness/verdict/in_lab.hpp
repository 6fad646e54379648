#pragma once
// A run in several labs, taken apart: a cell is judged by what was measured in its own lab alone.

#include <cstddef>
#include <vector>

#include "verdict/record.hpp"

namespace nospof::verdict {

/// The run as if it had been carried out in that lab (from 1) and nowhere else. Its cells are those
/// of the run, in that order, and then those tries of them that were repeated; what ran in another
/// lab was never begun. Histories and damage are left out.
RunRecord in_lab(const RunRecord& run, int lab);

/// Where the tries of each cell that were repeated stand in the view above, by the cell's index.
std::vector<std::vector<std::size_t>> places_of_earlier(const RunRecord& run);

/// How many labs it has: 1 or more.
int labs_of(const RunRecord& run);

/// What was measured in that one of them, from 1.
const LabRecord& lab_record(const RunRecord& run, int lab);

}  // namespace nospof::verdict
