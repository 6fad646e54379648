#pragma once
// Writes a record as a run's folder, in the form that docs/run-directory.md fixes.

#include <string>

#include "verdict/record.hpp"

namespace nospof::test {

/// One line of events.ndjson for each event of the record, in the order of time.
std::string events_text(const verdict::RunRecord& run);

/// events.ndjson and samples/https.bin.
void write_run_folder(const std::string& folder, const verdict::RunRecord& run);

}  // namespace nospof::test
