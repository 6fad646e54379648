#pragma once
// A run's folder -> result.json, junit.xml, summary.md and a table for the terminal.

#include <string>

#include "verdict/judge.hpp"
#include "verdict/record.hpp"

namespace nospof::report {

/// Reads events.ndjson, samples/ and histories of a run, also of one that was killed or still goes
/// on: a torn last line or record is passed over and noted in `damage`. Throws Error when
/// there is no events.ndjson, and, naming file and line, when it is of a newer schema.
verdict::RunRecord load_run(const std::string& run_folder);
/// The same without histories: whatever is said of one cell needs none.
verdict::RunRecord load_without_histories(const std::string& run_folder);
/// Only events.ndjson.
verdict::RunRecord load_events(const std::string& run_folder);

std::string result_json(const verdict::RunRecord& run, const verdict::RunResult& result);
std::string junit_xml(const verdict::RunRecord& run, const verdict::RunResult& result);
std::string summary_markdown(const verdict::RunRecord& run, const verdict::RunResult& result);
/// At most 120 columns; escape sequences only when `colors`.
std::string terminal_table(const verdict::RunRecord& run, const verdict::RunResult& result,
                           bool colors);

/// Loads, judges, and writes result.json, junit.xml and summary.md into the folder.
verdict::RunResult write_reports(const std::string& run_folder);

}  // namespace nospof::report
