#include "verdict/histories.hpp"

#include <fmt/format.h>

namespace nospof::verdict {

namespace {

// A register has about a hundred operations; what needs more than this is hopeless.
constexpr history::Limits search_limits{2'000'000, std::uint64_t{256} << 20U};

std::string told(const std::vector<history::Operation>& operations) {
  std::string text;
  for (const history::Operation& operation : operations)
    text += fmt::format("{}{} (client {}, line {})", text.empty() ? "" : ", ",
                        history::describe(operation), operation.process, operation.line);
  return text;
}

}  // namespace

HistoryResult judge_history(const HistoryRecord& record) {
  const history::Judgement judgement =
      history::judge(record.history, {search_limits, history::StaleReads::allowed});
  HistoryResult result;
  result.file = record.file;
  result.model = judgement.model;
  result.verdict = judgement.verdict;
  result.reason = judgement.reason;
  result.operations = judgement.operations;
  result.unfinished = judgement.unfinished;
  result.registers = judgement.registers.size();
  for (const history::RegisterResult& one : judgement.registers)
    if (one.verdict != history::Verdict::ok) result.not_ok.push_back(one);
  result.ledger = judgement.ledger;
  return result;
}

std::vector<StandingFinding> findings_of(const HistoryResult& result, const std::string& from) {
  std::vector<StandingFinding> findings;
  const auto add = [&](const char* what, const std::string& subject, std::string detail) {
    findings.push_back({"ledger", what, subject, std::move(detail), {from}});
  };
  for (const history::RegisterResult& one : result.not_ok)
    if (one.verdict == history::Verdict::violation)
      add("not-linearizable", fmt::format("register {} in {}", one.key, result.file),
          fmt::format("no order explains {} of its {} operations: {}", one.violation.size(),
                      one.operations, told(one.violation)));
  if (!result.ledger) return findings;
  const history::LedgerReport& ledger = *result.ledger;
  if (ledger.lost > 0)
    add("lost-write", result.file,
        fmt::format("{} of {} acknowledged writes are not in the last read", ledger.lost,
                    ledger.lost + ledger.ok));
  if (ledger.duplicated > 0)
    add("duplicated", result.file,
        fmt::format("{} rows were more than once in one read", ledger.duplicated));
  if (ledger.never_written > 0)
    add("wrong-value", result.file,
        fmt::format("{} rows were read that nobody had written so", ledger.never_written));
  return findings;
}

}  // namespace nospof::verdict
