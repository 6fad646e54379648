#pragma once
// The check of a ledger: rows are added under ids of their own, and what was acknowledged must stay
// and be seen. Pure functions; nothing is assumed about where writes and reads come from.
//
// What a read may return is Lamport's regular register, row by row (L. Lamport: On interprocess
// communication, part II, Distributed Computing 1(2), 1986): what the last write before it left, or
// what a write at the same time does.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "history/linearize.hpp"
#include "history/operation.hpp"

namespace nospof::history {

/// An attempt to write a row. `begun` and `ended` are points on one axis that all writes and reads
/// share: nanoseconds of one clock, or places in a history.
struct LedgerWrite {
  Row row;
  std::int64_t session = 0;
  Outcome outcome = Outcome::unknown;  ///< ok: acknowledged
  std::int64_t begun = 0;
  std::int64_t ended = 0;  ///< of no meaning while the outcome is unknown
};

/// A read that was answered, of the whole ledger or of one row.
struct LedgerRead {
  std::int64_t session = 0;
  std::int64_t begun = 0;
  std::int64_t ended = 0;
  std::optional<std::int64_t> id;  ///< none: the whole ledger
  std::vector<Row> rows;
};

struct Ledger {
  std::vector<LedgerWrite> writes;
  std::vector<LedgerRead> reads;
};

/// Which stale reads are violations: a database that is read on replicas may be allowed to lag, and
/// still owe each session what that session itself has written.
enum class StaleReads { any, own, allowed };

enum class Wrong {
  lost,           ///< acknowledged, and not in the final read, or there with an older value
  duplicated,     ///< more than once in one read
  stale_own,      ///< a read that began after its own session's write was acknowledged misses it
  stale_other,    ///< the same for another session's write
  never_written,  ///< a row or value that nobody had tried to write when the read ended
};

/// One thing that is wrong with one row.
struct LedgerFinding {
  Wrong what = Wrong::lost;
  std::int64_t id = 0;
  std::optional<std::size_t> write;  ///< index of the acknowledged write that is missing
  std::size_t read = 0;              ///< index of the read that shows it
  Value found;                       ///< the older or unknown value; nil when there was none
  friend bool operator==(const LedgerFinding&, const LedgerFinding&) = default;
};

/// The final read is the last one of the whole ledger. Every id is counted once, by its last write.
struct LedgerReport {
  Verdict verdict = Verdict::undecided;
  std::size_t ok = 0;  ///< acknowledged, and in the final read
  std::size_t lost = 0;
  std::size_t unjudged = 0;  ///< acknowledged after the final read began, or there is none
  /// Never acknowledged, and in the final read: allowed, as an answer may get lost on its way.
  std::size_t unacknowledged = 0;
  std::size_t absent = 0;  ///< never acknowledged, and not there
  std::size_t duplicated = 0;
  std::size_t never_written = 0;
  std::size_t stale_own = 0;    ///< reads, not rows
  std::size_t stale_other = 0;  ///< reads that are stale only as to writes of other sessions
  /// Every lost, duplicated and never written row, and one row of each stale read.
  std::vector<LedgerFinding> findings;
};

/// A violation needs one finding that `stale` does not allow; ok needs a final read after the
/// acknowledgement of every write, and at least one acknowledged write; anything else is undecided.
LedgerReport check_ledger(const Ledger& ledger, StaleReads stale);

/// "lost", "duplicated", "stale read (own session)", ...
std::string name_of(Wrong what);

}  // namespace nospof::history
