#include "history/judge.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "history/minimise.hpp"

namespace nospof::history {

namespace {

bool plays_a_part(const Operation& operation) {
  return operation.outcome == Outcome::ok ||
         (operation.outcome == Outcome::unknown && operation.function != Function::read);
}

RegisterResult judge_register(const std::string& key, const std::vector<Operation>& operations,
                              const Limits& limits) {
  RegisterResult result;
  result.key = key;
  result.operations = static_cast<std::size_t>(std::ranges::count_if(operations, plays_a_part));
  const Linearization found = linearize(operations, limits);
  result.verdict = found.verdict;
  result.states = found.states;
  if (found.verdict == Verdict::violation)
    result.violation = smallest_violation(operations, limits);
  return result;
}

void judge_registers(const History& history, const Rules& rules, Judgement& judgement) {
  std::map<std::string, std::vector<Operation>> by_key;
  for (const Operation& operation : history.operations) by_key[operation.key].push_back(operation);
  std::size_t undecided = 0;
  bool violated = false;
  for (const auto& [key, operations] : by_key) {
    judgement.registers.push_back(judge_register(key, operations, rules.limits));
    violated = violated || judgement.registers.back().verdict == Verdict::violation;
    if (judgement.registers.back().verdict == Verdict::undecided) ++undecided;
  }
  const bool any_returned = std::ranges::any_of(
      history.operations, [](const Operation& o) { return o.outcome == Outcome::ok; });
  if (violated) {
    judgement.verdict = Verdict::violation;
  } else if (undecided > 0) {
    judgement.reason = fmt::format(
        "the search used up {} states or {} MiB for {} of {} registers; allow more with "
        "--max-states or --max-memory",
        rules.limits.states, rules.limits.bytes >> 20U, undecided, by_key.size());
  } else if (!any_returned) {
    judgement.reason = "no operation returned: there is nothing to judge";
  } else {
    judgement.verdict = Verdict::ok;
  }
}

// Places in the history are its time axis.
void fill_ledger(const History& history, Judgement& judgement) {
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    const Operation& operation = history.operations[i];
    const auto begun = static_cast<std::int64_t>(operation.invoked);
    const auto ended = static_cast<std::int64_t>(operation.returned.value_or(history.events));
    if (operation.function == Function::add) {
      judgement.ledger_of.writes.push_back(
          {operation.rows.front(), operation.process, operation.outcome, begun, ended});
      judgement.writes_of.push_back(i);
    } else if (operation.outcome == Outcome::ok) {
      LedgerRead read{operation.process, begun, ended, {}, operation.rows};
      if (!operation.key.empty()) read.id = std::stoll(operation.key);
      judgement.ledger_of.reads.push_back(std::move(read));
      judgement.reads_of.push_back(i);
    }
  }
}

void judge_ledger(const History& history, const Rules& rules, Judgement& judgement) {
  fill_ledger(history, judgement);
  judgement.ledger = check_ledger(judgement.ledger_of, rules.stale);
  judgement.verdict = judgement.ledger->verdict;
  if (judgement.verdict != Verdict::undecided) return;
  if (judgement.ledger->unjudged > 0)
    judgement.reason = fmt::format(
        "{} acknowledged without a read of the whole ledger after them; end with such a read",
        judgement.ledger->unjudged == 1 ? "1 row was"
                                        : fmt::format("{} rows were", judgement.ledger->unjudged));
  else
    judgement.reason = "nothing was acknowledged: there is nothing to judge";
}

}  // namespace

Judgement judge(const History& history, const Rules& rules) {
  Judgement judgement;
  judgement.model = history.model;
  judgement.operations = history.operations.size();
  judgement.passed_over = history.passed_over;
  for (const Operation& operation : history.operations) {
    if (operation.outcome == Outcome::failed) ++judgement.failed;
    if (operation.outcome == Outcome::unknown) ++judgement.unfinished;
  }
  if (history.model == Model::ledger)
    judge_ledger(history, rules, judgement);
  else
    judge_registers(history, rules, judgement);
  return judgement;
}

int exit_code(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return 0;
    case Verdict::violation:
      return 1;
    case Verdict::undecided:
      return 3;
  }
  return 3;
}

std::string verdict_text(Verdict verdict, Model model) {
  switch (verdict) {
    case Verdict::ok:
      return model == Model::ledger ? "ok" : "linearizable";
    case Verdict::violation:
      return model == Model::ledger ? "violated" : "not linearizable";
    case Verdict::undecided:
      return "undecided";
  }
  return "";
}

}  // namespace nospof::history
