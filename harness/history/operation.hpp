#pragma once
// What clients asked of a system and what became of it: the operations of a history.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nospof::history {

/// What a register holds; none is nil, which is what every register starts with.
using Value = std::optional<std::int64_t>;

enum class Function { read, write, cas, add };

/// `failed` certainly did not take effect; `unknown` may take effect at any later time, or never.
enum class Outcome { ok, failed, unknown };

/// A row of a ledger: what was added under an id, or what a read showed of it.
struct Row {
  std::int64_t id = 0;
  Value value;  ///< nil where only ids are of interest
  friend bool operator==(const Row&, const Row&) = default;
};

/// One call by one client. Times are for people; what happened before what is told by the places.
struct Operation {
  std::int64_t process = 0;  ///< the client
  Function function = Function::read;
  std::string key;        ///< of the register, or the id of the one row that was read; may be empty
  Value value;            ///< what was written, what a read returned, what a cas sets
  Value expected;         ///< of a cas: what it compares with
  std::vector<Row> rows;  ///< of a ledger: the one that was added; those that a read returned
  Outcome outcome = Outcome::unknown;
  std::size_t invoked = 0;  ///< place among the history's events, from 0
  /// Place of the return. Of an unknown operation where its client gave up (which bounds nothing),
  /// or none when it was never heard of again.
  std::optional<std::size_t> returned;
  std::optional<std::int64_t> invoked_ns;  ///< as recorded, of whatever clock the history has
  std::optional<std::int64_t> returned_ns;
  int line = 0;         ///< where the invocation stands in the file, from 1
  int return_line = 0;  ///< 0 without a return
  friend bool operator==(const Operation&, const Operation&) = default;
};

/// "read", "write", "cas" or "add".
std::string name_of(Function function);
/// "nil" or the number.
std::string value_text(const Value& value);
/// What was done and what came of it: "write 3", "read 3", "cas 1 -> 2", "add 7", "read 2 rows".
std::string describe(const Operation& operation);

}  // namespace nospof::history
