#include "history/text.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "history/timeline.hpp"
#include "spec/problems.hpp"

namespace nospof::history {

namespace {

constexpr std::size_t most_registers = 10;
constexpr std::size_t most_findings = 20;

std::string plural(std::size_t count, const std::string& what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string heading(const History& history, const Judgement& judgement) {
  std::set<std::int64_t> clients;
  for (const Operation& operation : history.operations) clients.insert(operation.process);
  std::string text =
      fmt::format("{} ({} history, {} by {}", verdict_text(judgement.verdict, judgement.model),
                  name_of(judgement.model), plural(judgement.operations, "operation"),
                  plural(clients.size(), "client"));
  if (judgement.registers.size() > 1) text += ", " + plural(judgement.registers.size(), "register");
  if (judgement.failed > 0) text += fmt::format(", {} failed", judgement.failed);
  if (judgement.unfinished > 0) text += fmt::format(", {} without an answer", judgement.unfinished);
  if (judgement.passed_over > 0)
    text += ", " + plural(judgement.passed_over, "other line") + " passed over";
  return text + ")";
}

std::string registers_text(const Judgement& judgement) {
  std::string text;
  std::size_t shown = 0;
  std::size_t left_out = 0;
  for (const RegisterResult& result : judgement.registers) {
    if (result.verdict == Verdict::ok) continue;
    if (shown++ == most_registers) {
      ++left_out;
      --shown;
      continue;
    }
    const std::string name =
        result.key.empty() ? "the register" : "register " + spec::quote(result.key);
    if (result.verdict == Verdict::undecided) {
      text += fmt::format("  {}: undecided after {} states\n", name, result.states);
      continue;
    }
    text += fmt::format("  {}: no order explains {} of its {}:\n", name, result.violation.size(),
                        plural(result.operations, "operation"));
    text += timeline(result.violation);
  }
  if (left_out > 0) text += fmt::format("  and {} more\n", plural(left_out, "register"));
  return text;
}

std::string where(const Operation& operation) {
  return fmt::format("line {}", operation.return_line > 0 ? operation.return_line : operation.line);
}

std::string finding_text(const LedgerFinding& finding, const History& history,
                         const Judgement& judgement) {
  std::string text = fmt::format("  {}: row {}", name_of(finding.what), finding.id);
  const Operation& read = history.operations[judgement.reads_of[finding.read]];
  if (finding.write) {
    const Operation& write = history.operations[judgement.writes_of[*finding.write]];
    text += fmt::format(" ({} by client {}, acknowledged in {})", describe(write), write.process,
                        where(write));
  }
  text += finding.what == Wrong::duplicated || finding.what == Wrong::never_written
              ? " is in the read of "
          : finding.found ? fmt::format(" is {} in the read of ", *finding.found)
                          : " is not in the read of ";
  return text + fmt::format("client {}, {}\n", read.process, where(read));
}

std::string ledger_text(const History& history, const Judgement& judgement) {
  const LedgerReport& report = *judgement.ledger;
  std::string text = fmt::format(
      "  rows: {} ok, {} lost, {} duplicated, {} never written; never acknowledged: {} there, {} "
      "not; not judged: {}\n  stale reads: {} of the own session's writes, {} of others'\n",
      report.ok, report.lost, report.duplicated, report.never_written, report.unacknowledged,
      report.absent, report.unjudged, report.stale_own, report.stale_other);
  const std::size_t shown = std::min(most_findings, report.findings.size());
  for (std::size_t i = 0; i < shown; ++i)
    text += finding_text(report.findings[i], history, judgement);
  if (shown < report.findings.size())
    text += fmt::format("  and {} more\n", report.findings.size() - shown);
  return text;
}

}  // namespace

std::string judgement_text(const std::string& file, const History& history,
                           const Judgement& judgement) {
  std::string text = fmt::format("{}: {}\n", file, heading(history, judgement));
  if (!judgement.reason.empty()) text += "  " + judgement.reason + "\n";
  return text + (judgement.ledger ? ledger_text(history, judgement) : registers_text(judgement));
}

}  // namespace nospof::history
