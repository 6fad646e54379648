#include "history/minimise.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace nospof::history {

namespace {

using Marks = std::vector<bool>;

// A larger part now is better than a smaller one in a minute.
constexpr std::uint64_t most_states = 3'000'000;
constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

bool leaves_a_value(const Operation& operation) {
  return operation.function != Function::read;
}

bool observes_a_value(const Operation& operation) {
  return operation.function != Function::write;
}

Value observed(const Operation& operation) {
  return operation.function == Function::read ? operation.value : operation.expected;
}

std::size_t return_of(const Operation& operation) {
  return operation.outcome == Outcome::ok ? *operation.returned : never;
}

// The operation as one sees it at `end`; false when it tells nothing by then.
bool cut(Operation& operation, std::size_t end) {
  if (operation.outcome == Outcome::failed || operation.invoked > end) return false;
  if (operation.outcome == Outcome::unknown || return_of(operation) > end) {
    operation.outcome = Outcome::unknown;
    operation.returned.reset();
    operation.returned_ns.reset();
    operation.return_line = 0;
  }
  return operation.function != Function::read || operation.outcome == Outcome::ok;
}

// When the operations that are not marked were certainly past a value: the latest invocation of one
// that leaves a value and had returned before a given time.
class Overwriting {
 public:
  Overwriting(const std::vector<Operation>& operations, const Marks& marked) {
    for (std::size_t i = 0; i < operations.size(); ++i) {
      const Operation& operation = operations[i];
      if (marked[i] || !leaves_a_value(operation) || operation.outcome != Outcome::ok) continue;
      latest_[return_of(operation)] = operation.invoked;
    }
    std::size_t latest = 0;
    for (auto& [returned, invoked] : latest_) invoked = latest = std::max(latest, invoked);
  }
  std::size_t before(std::size_t time) const {
    const auto next = latest_.lower_bound(time);
    return next == latest_.begin() ? 0 : std::prev(next)->second;
  }

 private:
  std::map<std::size_t, std::size_t> latest_;  // return -> latest invocation of those up to it
};

// Marks also whoever may have seen a value that a marked operation left, until nobody of the rest
// may have.
void close_over_observers(const std::vector<Operation>& operations, Marks& marked) {
  for (bool again = true; again;) {
    again = false;
    std::map<Value, std::vector<std::size_t>> leaving;
    for (std::size_t i = 0; i < operations.size(); ++i)
      if (marked[i] && leaves_a_value(operations[i])) leaving[operations[i].value].push_back(i);
    const Overwriting overwriting(operations, marked);
    for (std::size_t i = 0; i < operations.size(); ++i) {
      const Operation& operation = operations[i];
      if (marked[i] || !observes_a_value(operation)) continue;
      const auto known = leaving.find(observed(operation));
      if (known == leaving.end()) continue;
      const std::size_t overwritten = overwriting.before(operation.invoked);
      marked[i] = std::ranges::any_of(known->second, [&](std::size_t p) {
        return operations[p].invoked < return_of(operation) &&
               return_of(operations[p]) >= overwritten;
      });
      again = again || marked[i];
    }
  }
}

class Minimiser {
 public:
  Minimiser(std::vector<Operation> operations, const Limits& limits)
      : part_(std::move(operations)), gone_(part_.size()), limits_(limits) {
    std::ranges::sort(part_, {}, &Operation::invoked);
  }

  std::vector<Operation> run() {
    if (try_without(gone_)) {
      limits_.states = std::min(limits_.states, most_states);
      std::size_t size = std::max<std::size_t>(part_.size() / 2, 1);
      for (; size > 1; size /= 2) drop_groups_of(size);
      while (drop_groups_of(1)) continue;
    }
    return rest(gone_);
  }

 private:
  std::vector<Operation> rest(const Marks& marked) const {
    std::vector<Operation> operations;
    for (std::size_t i = 0; i < part_.size(); ++i)
      if (!marked[i]) operations.push_back(part_[i]);
    return operations;
  }

  // Leaves the marked ones out if the others fail, and what comes after the return that cannot be
  // explained.
  bool try_without(const Marks& marked) {
    if (limits_.states == 0) return false;
    const std::vector<Operation> others = rest(marked);
    const Linearization result = linearize(others, limits_);
    limits_.states -= std::min(limits_.states, result.states);
    if (result.verdict != Verdict::violation) return false;
    const std::size_t end = return_of(others[*result.blocked]);
    std::vector<Operation> part;
    Marks gone;
    for (std::size_t i = 0; i < part_.size(); ++i) {
      if (!cut(part_[i], end)) continue;
      part.push_back(part_[i]);
      gone.push_back(marked[i]);
    }
    part_.swap(part);
    gone_.swap(gone);
    return true;
  }

  // Goes over all that are left once; true when something went.
  bool drop_groups_of(std::size_t size) {
    bool dropped = false;
    for (std::size_t begin = 0; begin < part_.size();) {
      Marks marked = gone_;
      std::size_t end = begin;
      for (std::size_t left = size; end < part_.size() && left > 0; ++end) {
        if (marked[end]) continue;
        marked[end] = true;
        --left;
      }
      if (marked != gone_) {
        close_over_observers(part_, marked);
        dropped = try_without(marked) || dropped;
      }
      begin = end;
    }
    return dropped;
  }

  std::vector<Operation> part_;  // of the history up to a return, with what was left out
  Marks gone_;                   // what was left out of it
  Limits limits_;
};

}  // namespace

std::vector<Operation> smallest_violation(std::vector<Operation> operations, const Limits& limits) {
  return Minimiser(std::move(operations), limits).run();
}

}  // namespace nospof::history
