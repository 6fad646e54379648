#include "history/register_problem.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <tuple>

namespace nospof::history {

namespace {

class Builder {
 public:
  void take(const Operation& operation, std::size_t index) {
    if (operation.outcome == Outcome::failed || operation.function == Function::add) return;
    const bool returned = operation.outcome == Outcome::ok && operation.returned.has_value();
    if (operation.function == Function::read && !returned) return;
    const Effect effect = effect_of(operation);
    if (returned)
      problem_.completed.push_back({effect, operation.invoked, *operation.returned, 0, index});
    else if (!effect.only_looks())
      group_for(effect).invoked.push_back(operation.invoked);
  }

  RegisterProblem finish() {
    std::ranges::sort(problem_.completed, {}, &Completed::invoked);
    for (OpenGroup& group : problem_.open) std::ranges::sort(group.invoked);
    problem_.by_return.resize(problem_.completed.size());
    for (std::uint32_t i = 0; i < problem_.by_return.size(); ++i) problem_.by_return[i] = i;
    std::ranges::sort(problem_.by_return, {},
                      [&](std::uint32_t i) { return problem_.completed[i].returned; });
    give_slots();
    problem_.leaving.resize(numbers_.size());
    for (std::uint32_t i = 0; i < problem_.open.size(); ++i)
      problem_.leaving[problem_.open[i].effect.leaves].push_back(i);
    return std::move(problem_);
  }

 private:
  ValueNumber number_of(const Value& value) {
    return numbers_.emplace(value, static_cast<ValueNumber>(numbers_.size())).first->second;
  }

  Effect effect_of(const Operation& operation) {
    const ValueNumber value = number_of(operation.value);
    if (operation.function == Function::read) return {true, value, value};
    if (operation.function == Function::write) return {false, 0, value};
    return {true, number_of(operation.expected), value};
  }

  OpenGroup& group_for(const Effect& effect) {
    const auto what = std::tuple(effect.observes, effect.needs, effect.leaves);
    const auto [known, is_new] = groups_.emplace(what, problem_.open.size());
    if (is_new) problem_.open.push_back({effect, {}});
    return problem_.open[known->second];
  }

  // The lowest slot that is free when the operation is invoked.
  void give_slots() {
    std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> free;
    std::size_t next_return = 0;
    for (Completed& operation : problem_.completed) {
      for (; next_return < problem_.by_return.size(); ++next_return) {
        const Completed& earlier = problem_.completed[problem_.by_return[next_return]];
        if (earlier.returned > operation.invoked) break;
        free.push(earlier.slot);
      }
      if (free.empty()) {
        operation.slot = problem_.slots++;
      } else {
        operation.slot = free.top();
        free.pop();
      }
    }
  }

  RegisterProblem problem_;
  std::map<Value, ValueNumber> numbers_{{Value{}, 0}};
  std::map<std::tuple<bool, ValueNumber, ValueNumber>, std::size_t> groups_;
};

}  // namespace

RegisterProblem register_problem(std::span<const Operation> operations) {
  Builder builder;
  for (std::size_t i = 0; i < operations.size(); ++i) builder.take(operations[i], i);
  return builder.finish();
}

}  // namespace nospof::history
