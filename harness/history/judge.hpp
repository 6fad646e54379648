#pragma once
// A history -> what is to be said of it.

#include <optional>
#include <string>
#include <vector>

#include "history/history.hpp"
#include "history/ledger.hpp"
#include "history/linearize.hpp"

namespace nospof::history {

struct Rules {
  Limits limits;  ///< of each register
  StaleReads stale = StaleReads::any;
};

/// One register. Linearizability is local (Herlihy and Wing 1990, theorem 1): a history is
/// linearizable exactly when its part for each register is, so they are judged one by one.
struct RegisterResult {
  std::string key;  ///< empty where the history has one register only
  Verdict verdict = Verdict::ok;
  std::size_t operations = 0;        ///< that played a part
  std::uint64_t states = 0;          ///< configurations looked at
  std::vector<Operation> violation;  ///< the smallest that was found, by invocation
};

struct Judgement {
  Model model = Model::cas_register;
  Verdict verdict = Verdict::undecided;
  std::string reason;          ///< why it is undecided
  std::size_t operations = 0;  ///< all that were invoked
  std::size_t failed = 0;
  std::size_t unfinished = 0;  ///< whose outcome is unknown
  std::size_t passed_over = 0;
  std::vector<RegisterResult> registers;  ///< by key
  std::optional<LedgerReport> ledger;
  Ledger ledger_of;                    ///< what the report's indices refer to
  std::vector<std::size_t> writes_of;  ///< index in ledger_of.writes -> in the history's operations
  std::vector<std::size_t> reads_of;   ///< the same for its reads
};

/// A violation if any register has one; otherwise undecided if any is, or if nothing returned.
Judgement judge(const History& history, const Rules& rules);

/// 0 ok, 1 violation, 3 undecided.
int exit_code(Verdict verdict);
/// "linearizable", "not linearizable", "undecided"; of a ledger "ok", "violated", "undecided".
std::string verdict_text(Verdict verdict, Model model);

}  // namespace nospof::history
