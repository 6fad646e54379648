#pragma once
// What the histories of the ledger's clients say. Pure: no file, no clock.

#include <optional>
#include <string>
#include <vector>

#include "history/judge.hpp"
#include "verdict/observations.hpp"
#include "verdict/record.hpp"

namespace nospof::verdict {

struct HistoryResult {
  std::string file;
  history::Model model = history::Model::cas_register;
  history::Verdict verdict = history::Verdict::undecided;
  std::string reason;  ///< why it is undecided
  std::size_t operations = 0;
  std::size_t unfinished = 0;  ///< whose outcome is unknown
  std::size_t registers = 0;
  std::vector<history::RegisterResult> not_ok;  ///< registers
  std::optional<history::LedgerReport> ledger;
};

/// Stale reads are counted, and allowed: a replica may lag.
HistoryResult judge_history(const HistoryRecord& record);

/// What it shows that may never be; `from` is the host of its clients.
std::vector<StandingFinding> findings_of(const HistoryResult& result, const std::string& from);

}  // namespace nospof::verdict
