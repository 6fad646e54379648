#include <fmt/format.h>

#include "history/timeline.hpp"
#include "report/lineage.hpp"
#include "report/matrices.hpp"
#include "report/predictions.hpp"
#include "report/report.hpp"
#include "report/text.hpp"
#include "report/words.hpp"
#include "spec/units.hpp"

namespace nospof::report {

namespace {

std::string cells_table(const verdict::RunResult& result) {
  std::string out =
      "| component | fault | verdict | served | longest outage | failed/total | lost writes | "
      "TLS violations | firewall differences | alert after | "
      "served again after | redundant after |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const verdict::CellResult& cell : result.cells) {
    const std::string verdict = verdict::verdict_name(cell.verdict);
    out += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
                       markdown_text(verdict::component_name(cell.plan)),
                       markdown_text(fault_text(cell.plan)),
                       cell.verdict == verdict::Verdict::pass ? verdict : "**" + verdict + "**",
                       availability_text(cell), outage_text(cell), failed_text(cell),
                       lost_text(cell), tls_text(cell), firewall_text(cell), detected_text(cell),
                       recovery_text(cell), redundant_text(cell));
  }
  return out;
}

std::string spof_lines(const verdict::Spof& spof, const std::string& indent) {
  std::string out = fmt::format("{}- **{}**", indent, markdown_text(spof.name));
  if (!spof.faults.empty()) out += ": " + markdown_text(spof_faults_text(spof));
  out += "\n";
  for (const verdict::Spof& service : spof.services) out += spof_lines(service, indent + "  ");
  return out;
}

std::string hypothesis_table(const verdict::RunResult& result) {
  std::string rows;
  for (const verdict::CellResult& cell : result.cells)
    for (const verdict::HypothesisResult& item : cell.hypothesis)
      rows +=
          fmt::format("| {} {} | {} | {} |\n", markdown_text(spec::figure_text(item.hypothesis)),
                      markdown_text(item.hypothesis.tolerance.text), markdown_text(item.observed),
                      verdict::verdict_name(item.verdict));
  if (rows.empty()) return "";
  return "\n## Hypothesis\n\n| tolerance | observed | verdict |\n|---|---|---|\n" + rows;
}

std::string histories_section(const verdict::RunResult& result) {
  std::string out;
  for (const verdict::HistoryResult& history : result.histories) {
    out += fmt::format("- {}\n", markdown_text(history_text(history)));
    for (const history::RegisterResult& one : history.not_ok)
      if (!one.violation.empty())
        out += fmt::format(
            "\nNo order explains these operations on {} (lines of {}):\n\n```\n{}```\n",
            markdown_text(one.key), markdown_text(history.file), history::timeline(one.violation));
  }
  return out.empty() ? "" : "\n## Histories\n\n" + out;
}

std::string reasons_section(const verdict::RunRecord& run, const verdict::RunResult& result) {
  std::string out;
  for (const std::string& reason : result.reasons)
    out += fmt::format("- the run: {}\n", markdown_text(reason));
  for (const verdict::CellResult& cell : result.cells) {
    if (cell.reasons.empty()) continue;
    out +=
        fmt::format("- {} ({}), repeat with `{}`\n", markdown_text(cell.plan.id),
                    verdict::verdict_name(cell.verdict), plain_text(repeat_cell(run, cell.plan)));
    for (const std::string& reason : cell.reasons)
      out += fmt::format("  - {}\n", markdown_text(reason));
  }
  return out.empty() ? "" : "\n## Reasons\n\n" + out;
}

std::string earlier_section(const verdict::RunResult& result) {
  std::string out;
  for (const verdict::CellResult& cell : result.cells)
    for (const verdict::EarlierTry& earlier : cell.earlier)
      out += fmt::format("- {}: {}\n", markdown_text(cell.plan.id),
                         markdown_text(earlier_text(earlier)));
  return out.empty() ? "" : "\n## Tried again alone\n\nThe last try counts.\n\n" + out;
}

}  // namespace

std::string summary_markdown(const verdict::RunRecord& run, const verdict::RunResult& result) {
  std::string out =
      fmt::format("# {}: {}\n\n{}\n\n", markdown_text(run.title.empty() ? run.name : run.title),
                  verdict::verdict_name(result.verdict), claim(run, result));
  out += fmt::format("- topology: {} (`{}`), sha256 `{}`\n", markdown_text(run.topology.name),
                     plain_text(run.topology.file), plain_text(run.topology.sha256));
  out += fmt::format("- workload: {}\n", markdown_text(workload_text(run.probe)));
  out += fmt::format("- outage budget: {}\n", spec::human_duration(run.outage_budget));
  if (const std::string budget = budget_text(result); !budget.empty())
    out += fmt::format("- error budget: {}\n", markdown_text(budget));
  if (const std::string bound = bound_text(result); !bound.empty())
    out += fmt::format("- bound: {}\n", markdown_text(bound));
  if (const std::string clocks = clocks_text(run); !clocks.empty())
    out += fmt::format("- clocks: {}\n", markdown_text(clocks));
  out += fmt::format("- ran: {} to {} with {}\n", run.started_at, run.ended_at,
                     markdown_text(run.tool));
  out += fmt::format("- repeat: `{}`\n", plain_text(repeat_run(run)));
  out += fmt::format("- exit code: {}\n\n## Cells\n\n{}", result.exit_code, cells_table(result));
  out += hypothesis_table(result);
  if (run.mode == verdict::Mode::prove) {
    out += "\n## Single points of failure\n\n";
    for (const verdict::Spof& spof : result.spofs) out += spof_lines(spof, "");
    if (result.spofs.empty()) out += "None was found in the cells above.\n";
  }
  if (!result.findings.empty()) out += "\n## Findings\n\n";
  for (const verdict::StandingFinding& finding : result.findings)
    out += fmt::format("- {}\n", markdown_text(finding_text(finding)));
  out += predictions_markdown(result);
  out += lineage_markdown(result.lineage);
  out += matrices_markdown(result.matrices);
  out += histories_section(result);
  out += reasons_section(run, result);
  out += earlier_section(result);
  out += "\n## Left out\n\n";
  for (const verdict::LeftOut& entry : run.left_out)
    out += fmt::format("- {}: {}\n", markdown_text(entry.what), markdown_text(entry.why));
  if (run.left_out.empty()) out += "Nothing.\n";
  return out;
}

}  // namespace nospof::report
