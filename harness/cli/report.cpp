#include "report/report.hpp"

#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/verbs.hpp"
#include "system/check.hpp"

namespace nospof::cli {

namespace {

bool wants_colors() {
  const char* refused = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (refused == nullptr || *refused == '\0');
}

}  // namespace

int report_command(const std::string& run_folder, const std::string& format) {
  if (format == "all") {
    const verdict::RunResult result = report::write_reports(run_folder);
    fmt::print("{}", report::terminal_table(report::load_run(run_folder), result, wants_colors()));
    fmt::print("reports: {0}/summary.md {0}/result.json {0}/junit.xml\n", run_folder);
    return result.exit_code;
  }
  const verdict::RunRecord run = report::load_run(run_folder);
  const verdict::RunResult result = verdict::judge(run);
  if (format == "table")
    fmt::print("{}", report::terminal_table(run, result, wants_colors()));
  else if (format == "json")
    fmt::print("{}", report::result_json(run, result));
  else if (format == "junit")
    fmt::print("{}", report::junit_xml(run, result));
  else if (format == "markdown")
    fmt::print("{}", report::summary_markdown(run, result));
  else
    throw Error(fmt::format("--format {}: expected all, table, json, junit or markdown", format));
  return result.exit_code;
}

}  // namespace nospof::cli
