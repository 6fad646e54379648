#include <fmt/format.h>

#include "report/report.hpp"
#include "report/text.hpp"
#include "report/words.hpp"
#include "spec/units.hpp"

namespace nospof::report {

namespace {

struct Case {
  std::string classname;
  std::string name;
  double seconds = 0;
  std::string element;  // failure, error, skipped; empty: passed
  std::string type;
  std::string message;
  std::string text;
};

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

double seconds_of(const verdict::CellRecord& cell) {
  if (!cell.started_ns || !cell.finished_ns) return 0;
  return static_cast<double>(*cell.finished_ns - *cell.started_ns) / 1e9;
}

Case case_of(const verdict::RunRecord& run, const verdict::CellRecord& record,
             const verdict::CellResult& cell) {
  Case c;
  c.classname = verdict::component_name(cell.plan);
  c.name = cell.plan.fault.empty() ? cell.plan.id : fault_text(cell.plan);
  c.seconds = seconds_of(record);
  c.message = cell.reasons.empty() ? "" : cell.reasons.front();
  c.text = fmt::format("{}\n{}\nrepeat: {}", verdict::summary_line(cell), joined(cell.reasons),
                       repeat_cell(run, cell.plan));
  switch (cell.verdict) {
    case verdict::Verdict::pass:
      break;
    case verdict::Verdict::fail:
      c.element = "failure";
      c.type = cell.breached && !cell.plan.host.empty() ? "spof" : "violation";
      break;
    case verdict::Verdict::inconclusive:
      // What never ran is skipped; what ran and says nothing must not look green.
      c.element = record.started_ns ? "error" : "skipped";
      c.type = "inconclusive";
      break;
  }
  return c;
}

std::string case_xml(const Case& c) {
  std::string xml = fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"",
                                xml_text(c.classname), xml_text(c.name), c.seconds);
  if (c.element.empty()) return xml + "/>\n";
  xml += fmt::format(">\n      <{} message=\"{}\"", c.element, xml_text(c.message));
  if (c.element == "skipped") return xml + "/>\n    </testcase>\n";
  return xml + fmt::format(" type=\"{}\">{}</{}>\n    </testcase>\n", c.type, xml_text(c.text),
                           c.element);
}

}  // namespace

std::string junit_xml(const verdict::RunRecord& run, const verdict::RunResult& result) {
  std::vector<Case> cases;
  for (std::size_t i = 0; i < result.cells.size(); ++i)
    cases.push_back(case_of(run, run.cells.at(i), result.cells[i]));
  for (const verdict::StandingFinding& found : result.findings) {
    const std::string text = finding_text(found);
    cases.push_back({"findings", fmt::format("{}: {}", found.what, found.subject), 0, "failure",
                     "violation", text, text});
  }
  if (!result.reasons.empty())
    cases.push_back({"run", "complete and healed", 0, "error", "inconclusive",
                     result.reasons.front(), joined(result.reasons)});
  std::size_t failures = 0;
  std::size_t errors = 0;
  std::size_t skipped = 0;
  double seconds = 0;
  std::string body;
  for (const Case& c : cases) {
    failures += c.element == "failure" ? 1U : 0U;
    errors += c.element == "error" ? 1U : 0U;
    skipped += c.element == "skipped" ? 1U : 0U;
    seconds += c.seconds;
    body += case_xml(c);
  }
  const std::string totals = fmt::format(
      "name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" "
      "time=\"{:.3f}\"",
      xml_text(run.name.empty() ? "nospof" : run.name), cases.size(), failures, errors, skipped,
      seconds);
  // ISO 8601 without fraction, as the format's readers expect it.
  const std::string timestamp =
      run.started_at.substr(0, std::string_view("2026-01-01T00:00:00").size());
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {0}>\n  <testsuite {0} "
      "timestamp=\"{1}\">\n{2}  </testsuite>\n</testsuites>\n",
      totals, xml_text(timestamp), body);
}

}  // namespace nospof::report
