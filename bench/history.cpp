// How long it takes to judge a history of one register: fine ones and spoilt ones, by clients that
// never pause, so that about all of them are busy at any time.
//
// bench_history [HISTORIES]   (of each kind; 200 unless given)

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "history/linearize.hpp"
#include "history/minimise.hpp"

namespace {

using namespace nospof::history;

struct Kind {
  std::string name;
  std::size_t clients = 10;
  std::size_t operations = 200;
  std::int64_t values = 5;
  double unfinished = 0;  ///< share of operations without an answer, of which half took effect
  bool spoilt = false;    ///< one read in the second half returns another value
};

/// A register that answers in the middle of each operation, and clients that invoke the next one as
/// soon as the one before has returned.
class Run {
 public:
  Run(const Kind& kind, std::mt19937& random) : kind_(kind), random_(random) {}

  std::vector<Operation> history() {
    std::vector<std::size_t> running(kind_.clients);
    for (std::size_t& one : running) one = begin();
    while (all_.size() < kind_.operations) {
      std::size_t& one = running[below(running.size())];
      if (!advance(one)) one = begin();
    }
    for (const std::size_t one : running)
      while (advance(one)) continue;
    if (kind_.spoilt) spoil();
    return all_;
  }

 private:
  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
  }
  bool chance(double share) { return std::uniform_real_distribution<>(0, 1)(random_) < share; }
  Value some_value() {
    return std::uniform_int_distribution<std::int64_t>(0, kind_.values - 1)(random_);
  }

  std::size_t begin() {
    Operation operation;
    operation.process = std::ssize(all_);
    operation.function = static_cast<Function>(below(3));
    operation.invoked = place_++;
    if (operation.function != Function::read) operation.value = some_value();
    if (operation.function == Function::cas) operation.expected = some_value();
    all_.push_back(operation);
    step_.push_back(chance(kind_.unfinished) ? chance(0.5) ? 3 : 4 : 0);
    return all_.size() - 1;
  }

  // Steps: 0 act, 1 return, 2 done; 3 act without a return, 4 do nothing. False when it is over.
  bool advance(std::size_t which) {
    Operation& operation = all_[which];
    int& step = step_[which];
    if (step == 0 || step == 3) act(operation);
    if (step == 1) operation.returned = place_++;
    const bool goes_on = step < 2;
    step = goes_on ? step + 1 : 4;
    if (!goes_on && !operation.returned) operation.outcome = Outcome::unknown;
    return goes_on;
  }

  void act(Operation& operation) {
    operation.outcome = Outcome::ok;
    if (operation.function == Function::read)
      operation.value = register_;
    else if (operation.function == Function::cas && operation.expected != register_)
      operation.outcome = Outcome::failed;
    else
      register_ = operation.value;
  }

  void spoil() {
    for (std::size_t i = all_.size() / 2; i < all_.size(); ++i) {
      if (all_[i].function != Function::read || all_[i].outcome != Outcome::ok) continue;
      all_[i].value = (all_[i].value.value_or(0) + 1) % kind_.values;
      return;
    }
  }

  const Kind& kind_;
  std::mt19937& random_;
  std::vector<Operation> all_;
  std::vector<int> step_;
  std::size_t place_ = 0;
  Value register_;
};

struct Series {
  std::vector<double> each;
  double at(double share) {
    std::sort(each.begin(), each.end());
    if (each.empty()) return 0;
    return each[static_cast<std::size_t>(static_cast<double>(each.size() - 1) * share)];
  }
};

/// CPU time: what else the machine does is no part of it.
double milliseconds() {
  return static_cast<double>(std::clock()) * 1000 / CLOCKS_PER_SEC;
}

void measure(const Kind& kind, int histories) {
  std::mt19937 random(20260101);
  Series judging, shrinking, states, sizes;
  std::size_t violations = 0, undecided = 0;
  for (int i = 0; i < histories; ++i) {
    const std::vector<Operation> operations = Run(kind, random).history();
    double begin = milliseconds();
    const Linearization found = linearize(operations, {});
    judging.each.push_back(milliseconds() - begin);
    states.each.push_back(static_cast<double>(found.states));
    undecided += found.verdict == Verdict::undecided ? 1 : 0;
    if (found.verdict != Verdict::violation) continue;
    ++violations;
    begin = milliseconds();
    sizes.each.push_back(static_cast<double>(smallest_violation(operations, {}).size()));
    shrinking.each.push_back(milliseconds() - begin);
  }
  fmt::print(
      "{:<44} median {:>8.3f} ms, worst {:>8.2f} ms, states {:>6.0f} .. {:>7.0f} | violations "
      "{:>3}, undecided {}",
      kind.name, judging.at(0.5), judging.at(1), states.at(0.5), states.at(1), violations,
      undecided);
  if (violations > 0)
    fmt::print(" | smallest part: {:.0f} operations, {:.1f} ms, worst {:.0f} ms", sizes.at(0.5),
               shrinking.at(0.5), shrinking.at(1));
  fmt::print("\n");
}

}  // namespace

int main(int argc, char** argv) {
  const int histories = argc > 1 ? std::atoi(argv[1]) : 200;
  const std::vector<Kind> kinds{
      {.name = "200 operations, 10 clients"},
      {.name = "200 operations, 10 clients, spoilt", .spoilt = true},
      {.name = "200, 10 clients, 10 % unfinished", .unfinished = 0.1},
      {.name = "200, 10 clients, 10 % unfinished, spoilt", .unfinished = 0.1, .spoilt = true},
      {.name = "200, 10 clients, values of their own, spoilt", .values = 1'000'000, .spoilt = true},
      {.name = "200, 30 clients, spoilt", .clients = 30, .spoilt = true},
      {.name = "20,000 operations, 10 clients", .operations = 20'000},
      {.name = "20,000, 10 clients, 1 % unfinished", .operations = 20'000, .unfinished = 0.01},
  };
  for (const Kind& kind : kinds) measure(kind, kind.operations > 1000 ? histories / 10 : histories);
}
