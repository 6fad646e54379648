#pragma once
// The operations on one register as the search wants them: numbers instead of values, those that
// returned apart from those that did not. Internal to history.

#include <cstdint>
#include <span>
#include <vector>

#include "history/operation.hpp"

namespace nospof::history {

/// Values are numbered as they occur; nil is 0.
using ValueNumber = std::uint32_t;

/// What an operation does to the register: whether it needs a certain value there, and what it
/// leaves. A read needs what it returned and leaves it.
struct Effect {
  bool observes = false;
  ValueNumber needs = 0;
  ValueNumber leaves = 0;
  /// Looks, and changes nothing.
  bool only_looks() const { return observes && needs == leaves; }
};

struct Completed {
  Effect effect;
  std::size_t invoked = 0;
  std::size_t returned = 0;
  std::uint32_t slot = 0;  ///< never that of another operation that was open at the same time
  std::size_t index = 0;   ///< in what was given
};

/// Operations without a return that do the same. Which of them took effect makes no difference, so
/// they are used in the order in which they were invoked.
struct OpenGroup {
  Effect effect;
  std::vector<std::size_t> invoked;
};

struct RegisterProblem {
  std::vector<Completed> completed;      ///< by invocation
  std::vector<std::uint32_t> by_return;  ///< indices of completed, by return
  std::uint32_t slots = 0;               ///< how many were open at the same time
  std::vector<OpenGroup> open;
  std::vector<std::vector<std::uint32_t>> leaving;  ///< by value: the groups of open that leave it
};

RegisterProblem register_problem(std::span<const Operation> operations);

}  // namespace nospof::history
