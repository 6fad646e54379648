#pragma once
// Linearizability of one register with read, write and compare-and-set.
//
// M. P. Herlihy, J. M. Wing: Linearizability: a correctness condition for concurrent objects
// (TOPLAS 12(3), 1990) says what is judged. J. M. Wing, C. Gong: Testing and verifying concurrent
// objects (JPDC 17(1-2), 1993) is the search; G. Lowe: Testing for linearizability (Concurrency and
// Computation: Practice and Experience 29(4), 2017) the memory of configurations that were tried.

#include <cstdint>
#include <optional>
#include <span>

#include "history/operation.hpp"

namespace nospof::history {

enum class Verdict { ok, violation, undecided };

/// How much a search may use before it gives up as undecided. Each is per register.
struct Limits {
  std::uint64_t states = 20'000'000;              ///< configurations looked at
  std::uint64_t bytes = std::uint64_t{1} << 30U;  ///< memory for those that were tried
};

struct Linearization {
  Verdict verdict = Verdict::ok;
  std::uint64_t states = 0;  ///< configurations looked at
  /// Of a violation: the operation (index into what was given) whose return no order explains;
  /// all returns before it have one. So the history up to its return is the shortest part from the
  /// beginning that is not linearizable.
  std::optional<std::size_t> blocked;
};

/// Whether operations on one register, which starts with nil, can be put in one order that explains
/// every answer and keeps apart what did not overlap. Operations that failed, and reads without an
/// answer, play no part. They may be given in any order.
Linearization linearize(std::span<const Operation> operations, const Limits& limits);

}  // namespace nospof::history
