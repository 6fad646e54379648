#pragma once
// Lines of a run's events.ndjson -> what they say. docs/run-directory.md has the format.

#include <string>
#include <string_view>

#include "verdict/record.hpp"

namespace nospof::report {

/// Adds what whole lines of the file at `path` say, the first of which is its line `first` (from
/// 1). Times are as the events have them, see verdict::map_event_times(). A line that cannot be
/// read goes to `damage`. Throws Error naming file and line when it is of a newer schema.
void take_events(std::string_view lines, int first, const std::string& path,
                 verdict::RunRecord& run);

}  // namespace nospof::report
