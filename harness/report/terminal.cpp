#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "report/lineage.hpp"
#include "report/matrices.hpp"
#include "report/predictions.hpp"
#include "report/report.hpp"
#include "report/text.hpp"
#include "report/words.hpp"
#include "spec/units.hpp"

namespace nospof::report {

namespace {

constexpr std::size_t line_width = 120;
constexpr std::size_t column_count = 11;
constexpr std::size_t verdict_column = 2;
using Row = std::array<std::string, column_count>;

// The widest that each column may become: with a space between them they fill a line.
constexpr std::array<std::size_t, column_count> widest{23, 19, 12, 6, 17, 4, 3, 4, 8, 7, 7};

const char* color_of(verdict::Verdict verdict) {
  switch (verdict) {
    case verdict::Verdict::pass:
      return "\x1b[32m";
    case verdict::Verdict::fail:
      return "\x1b[31;1m";
    case verdict::Verdict::inconclusive:
      return "\x1b[33m";
  }
  return "";
}

std::string colored(const std::string& text, verdict::Verdict verdict, bool colors) {
  return colors ? color_of(verdict) + text + "\x1b[0m" : text;
}

std::string padded(const std::string& text, std::size_t width) {
  const std::string cut = shortened(text, width);
  return cut + std::string(width - columns(cut), ' ');
}

Row row_of(const verdict::CellResult& cell) {
  return {plain_text(verdict::component_name(cell.plan)),
          plain_text(fault_text(cell.plan)),
          verdict::verdict_name(cell.verdict),
          availability_text(cell),
          outage_text(cell),
          lost_text(cell),
          tls_text(cell),
          firewall_text(cell),
          detected_text(cell),
          recovery_text(cell),
          redundant_text(cell)};
}

std::string table(const verdict::RunResult& result, bool colors) {
  std::vector<Row> rows{{"component", "fault", "verdict", "served", "longest outage", "lost", "tls",
                         "flow", "alert", "back", "whole"}};
  for (const verdict::CellResult& cell : result.cells) rows.push_back(row_of(cell));
  std::array<std::size_t, column_count> width{};
  for (const Row& row : rows)
    for (std::size_t i = 0; i < column_count; ++i)
      width.at(i) = std::max(width.at(i), std::min(columns(row.at(i)), widest.at(i)));
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < column_count; ++i) {
      std::string text = padded(rows[r].at(i), width.at(i));
      if (r > 0 && i == verdict_column) text = colored(text, result.cells[r - 1].verdict, colors);
      line += text + " ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

// Breaks at spaces; what follows the first line is indented by `indent`. A word longer than a line
// is cut.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::string out;
  std::string line;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' ', rest.find_first_not_of(' ')), rest.size());
    std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end);
    if (!line.empty() && columns(line) + columns(word) > line_width) {
      out += line + "\n";
      line = std::string(indent, ' ');
      word.remove_prefix(std::min(word.find_first_not_of(' '), word.size()));
    }
    line = shortened(line + std::string(word), line_width);
  }
  return out + line + "\n";
}

std::string spof_lines(const verdict::Spof& spof, std::size_t indent) {
  std::string text = std::string(indent, ' ') + spof.name;
  if (!spof.faults.empty()) text += ": " + spof_faults_text(spof);
  std::string out = wrapped(plain_text(text), indent + 4);
  for (const verdict::Spof& service : spof.services) out += spof_lines(service, indent + 2);
  return out;
}

// Cells next to each other that share their reasons share an entry.
std::string reasons_text(const verdict::RunResult& result) {
  std::string out;
  for (const std::string& reason : result.reasons)
    out += wrapped("  the run: " + plain_text(reason), 4);
  std::string ids;
  for (std::size_t i = 0; i < result.cells.size(); ++i) {
    const std::vector<std::string>& reasons = result.cells[i].reasons;
    if (reasons.empty()) continue;
    ids += (ids.empty() ? "  " : ", ") + result.cells[i].plan.id;
    if (i + 1 < result.cells.size() && result.cells[i + 1].reasons == reasons) continue;
    out += wrapped(plain_text(ids), 4);
    for (const std::string& reason : reasons) out += wrapped("    " + plain_text(reason), 6);
    ids.clear();
  }
  return out.empty() ? "" : "\nReasons:\n" + out;
}

std::string section(const char* title, const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += wrapped("  " + plain_text(line), 4);
  return out.empty() ? "" : fmt::format("\n{}:\n{}", title, out);
}

std::string hypothesis_text(const verdict::RunResult& result, bool colors) {
  std::string out;
  for (const verdict::CellResult& cell : result.cells)
    for (const verdict::HypothesisResult& item : cell.hypothesis)
      out += fmt::format(
          "  {} {} {}: observed {}\n",
          colored(padded(verdict::verdict_name(item.verdict), 12), item.verdict, colors),
          plain_text(spec::figure_text(item.hypothesis)),
          plain_text(item.hypothesis.tolerance.text), item.observed);
  return out.empty() ? "" : "\nHypothesis:\n" + out;
}

}  // namespace

std::string terminal_table(const verdict::RunRecord& run, const verdict::RunResult& result,
                           bool colors) {
  std::string out = table(result, colors);
  out += hypothesis_text(result, colors);
  if (!result.spofs.empty()) out += "\nSingle points of failure:\n";
  for (const verdict::Spof& spof : result.spofs) out += spof_lines(spof, 2);
  if (!result.findings.empty()) out += "\nFindings:\n";
  for (const verdict::StandingFinding& finding : result.findings)
    out += wrapped("  " + plain_text(finding_text(finding)), 4);
  out += section("Predictions", predictions_lines(result));
  out += section("Lineage", lineage_lines(result.lineage));
  out += section("Matrices", matrices_lines(result.matrices));
  if (!result.histories.empty()) out += "\nHistories:\n";
  for (const verdict::HistoryResult& history : result.histories)
    out += wrapped("  " + plain_text(history_text(history)), 4);
  out += reasons_text(result);
  if (!run.left_out.empty()) out += "\nLeft out:\n";
  for (const verdict::LeftOut& entry : grouped(run.left_out))
    out += wrapped(plain_text(fmt::format("  {}: {}", entry.what, entry.why)), 4);
  out += "\n" + colored(verdict::verdict_name(result.verdict), result.verdict, colors) + "\n";
  out += wrapped(claim(run, result), 2);
  out += wrapped(
      plain_text(fmt::format("topology {}, sha256 {}", run.topology.name, run.topology.sha256)), 2);
  out += wrapped(plain_text("workload " + workload_text(run.probe)), 2);
  out += fmt::format("budget {}\n", spec::human_duration(run.outage_budget));
  if (const std::string budget = budget_text(result); !budget.empty())
    out += wrapped(plain_text(budget), 2);
  if (const std::string bound = bound_text(result); !bound.empty()) out += wrapped(bound, 2);
  if (const std::string command = repeat_run(run); !command.empty())
    out += "repeat with: " + plain_text(command) + "\n";  // in one line, to be copied
  return out;
}

}  // namespace nospof::report
