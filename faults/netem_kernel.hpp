#pragma once
// The back-end of netem where the kernel has sch_netem: what it is told.

#include <string>

#include "faults/netem_scope.hpp"
#include "faults/netem_settings.hpp"
#include "faults/shaping.hpp"

namespace nospof::faults {

/// sch_netem with these settings, as the kernel wants to be told.
ShapingQdisc netem_qdisc(const NetemSettings& settings);

/// Whether this kernel has sch_netem, or loads it when it is asked for. Tried in a network
/// namespace made for that.
bool kernel_has_netem();

}  // namespace nospof::faults
