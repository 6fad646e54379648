#pragma once
// What is wrong in a cell may be the machine's doing and not the stack's.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kinds/sample.hpp"
#include "verdict/record.hpp"

namespace nospof::verdict {

/// Whether less of the machine's CPU time was idle during the cell than `min_idle` (0 to 1): all
/// hosts of a lab share it, so a stack in a lab may be slow because of that. False when the share
/// was not recorded.
bool is_hurried(const CellRecord& cell, double min_idle);

/// Why an outage that is too long, or a recovery that does not come, proves nothing in this cell:
/// it ran beside other labs, or on a machine that was short of time. None: it proves what it
/// shows. What may never be (a wrong certificate, a lost write) is brought about by no lack of
/// time, so nothing excuses it.
std::optional<std::string> excuse_of(const CellRecord& cell, double min_idle);

/// Of the share of CPU time below which a failure proves nothing: with less than that idle, labs
/// side by side keep each other from getting anywhere.
inline constexpr double no_room = 0.25;

/// Whether an outage is the doing of the hosts that were down, whatever ran beside the cell: of the
/// requests due between `injected_ns` and `healed_ns` nine tenths failed, and the machine is known
/// not to have been out of time. One that is merely short of it makes some answers late and does
/// not take nearly all of them away. `timeline`: the cell's samples.
bool is_of_hosts(const CellRecord& cell, double min_idle,
                 const std::vector<kinds::Sample>& timeline, std::int64_t injected_ns,
                 std::int64_t healed_ns);

}  // namespace nospof::verdict
