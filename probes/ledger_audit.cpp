#include <boost/asio/co_spawn.hpp>

#include "probes/ledger_run.hpp"
#include "probes/rounds.hpp"
#include "probes/task_group.hpp"

namespace nospof::probes {

using boost::asio::awaitable;
using kinds::Operation;
using Event = Operation::Event;

namespace {

using namespace std::chrono_literals;

/// The whole of the last read, and how much of it is asked for at once.
constexpr Nanoseconds last_read_limit = 8s;
constexpr int last_read_workers = 4;

}  // namespace

awaitable<void> LedgerRun::audit() {
  kinds::Round round;
  round.begin_ns = monotonic_ns();
  for (const bool latest : {true, false}) {
    const Rows rows = latest ? book_.latest() : book_.older();
    if (rows.empty()) break;
    round.checked += rows.size();
    const LedgerPages::Read answer = co_await pages_.read(book_.joined(rows));
    if (!answer.values) {
      round.undecided += rows.size();
      break;
    }
    LedgerBook::Findings findings;
    const Rows missed = book_.look(rows, *answer.values, answer.time, findings);
    tell(findings);
    if (!missed.empty()) co_await ask_again(missed);
    if (stopping_) break;
  }
  tell_round(round);
}

// Its reads stand in the history, each as a client's of its own: they began at the same time.
awaitable<void> LedgerRun::ask_again(Rows missed) {
  std::vector<Operation> operations(missed.size());
  for (std::size_t i = 0; i < missed.size(); ++i) {
    operations[i].process = next_process_++;
    operations[i].row = missed[i];
    tell(operations[i]);
  }
  const LedgerPages::Read answer = co_await pages_.read(book_.joined(missed));
  for (std::size_t i = 0; i < missed.size(); ++i) {
    operations[i].event = answer.values ? Event::ok : Event::fail;
    if (answer.values)
      if (const auto shown = book_.shown(missed[i], *answer.values)) operations[i].rows = {*shown};
    tell(operations[i]);
  }
  if (!answer.values) co_return;  // they are asked for again in the next audits
  LedgerBook::Findings findings;
  book_.look_again(missed, *answer.values, answer.time, findings);
  tell(findings);
}

// One read of everything, in several questions at once: the last word on what is lost.
awaitable<void> LedgerRun::read_all() {
  const std::vector<Rows> all = book_.all();
  if (all.empty()) co_return;
  Operation operation;
  operation.process = next_process_++;
  tell(operation);
  LastRead last;
  last.questions.assign(all.begin(), all.end());
  last.until = std::chrono::steady_clock::now() + last_read_limit;
  last.round.begin_ns = monotonic_ns();
  TaskGroup tasks(io_);
  for (int i = 0; i < last_read_workers; ++i) tasks.spawn(read_some(last));
  co_await tasks.all_done();
  for (const Rows& left : last.questions) {
    last.round.checked += left.size();
    last.round.undecided += left.size();
  }
  operation.event = last.round.undecided == 0 ? Event::ok : Event::fail;
  if (operation.event == Event::ok)
    for (const Rows& rows : all)
      for (const std::int64_t row : rows)
        if (const auto shown = book_.shown(row, last.values)) operation.rows.push_back(*shown);
  tell(operation);
  tell_round(last.round);
}

// Takes questions until none is left, or one had no good answer twice.
awaitable<void> LedgerRun::read_some(LastRead& last) {
  while (!last.questions.empty() && last.round.undecided == 0) {
    const Rows rows = std::move(last.questions.front());
    last.questions.pop_front();
    last.round.checked += rows.size();
    LedgerPages::Read answer;
    for (int attempt = 0; attempt < 2 && !answer.values; ++attempt)
      answer = co_await pages_.read(book_.joined(rows), last.until);
    if (!answer.values) {
      last.round.undecided += rows.size();
      co_return;
    }
    last.values.insert(answer.values->begin(), answer.values->end());
    LedgerBook::Findings findings;
    const Rows missed = book_.look(rows, *answer.values, answer.time, findings);
    if (!missed.empty()) {
      const LedgerPages::Read again = co_await pages_.read(book_.joined(missed), last.until);
      if (again.values) {
        book_.look_again(missed, *again.values, again.time, findings);
        last.values.insert(again.values->begin(), again.values->end());
      }
    }
    tell(findings);
  }
}

void LedgerRun::tell_round(kinds::Round round) {
  if (round.checked == 0) return;
  round.end_ns = monotonic_ns();
  // Nothing new is written any more, so nothing new can be seen to be lost.
  if (book_.full()) round.undecided = round.checked;
  sink_.looked(round);
}

}  // namespace nospof::probes
