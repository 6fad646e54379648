#include "report/report.hpp"

#include "system/fd.hpp"

namespace nospof::report {

verdict::RunResult write_reports(const std::string& run_folder) {
  const verdict::RunRecord run = load_run(run_folder);
  verdict::RunResult result = verdict::judge(run);
  write_file(run_folder + "/result.json", result_json(run, result));
  write_file(run_folder + "/junit.xml", junit_xml(run, result));
  write_file(run_folder + "/summary.md", summary_markdown(run, result));
  return result;
}

}  // namespace nospof::report
