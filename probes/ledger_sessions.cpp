#include <random>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fcntl.h>
#include <fmt/format.h>

#include "probes/ledger_run.hpp"
#include "probes/rounds.hpp"
#include "probes/task_group.hpp"
#include "system/check.hpp"

namespace nospof::probes {

namespace asio = boost::asio;
using asio::awaitable;
using kinds::Operation;
using Event = Operation::Event;
using Function = Operation::Function;

namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds register_life = 10s;
constexpr std::size_t most_values = 100'000;

// Ids must not repeat between runs, so that chance is not passed down.
std::string random_marker() {
  std::random_device entropy;
  return fmt::format("{:08x}{:08x}", entropy(), entropy());
}

LedgerNames names_of(const LedgerConfig& config) {
  const auto start = static_cast<std::uint64_t>(monotonic_ns() / 1'000'000);
  return {config.marker.empty() ? random_marker() : config.marker, start};
}

LedgerBook::Limits limits_of(const LedgerPages& pages) {
  LedgerBook::Limits limits;
  limits.id_bytes = pages.id_bytes();
  return limits;
}

}  // namespace

LedgerRun::LedgerRun(const LedgerPages& pages, int stop_fd, kinds::SampleSink& sink)
    : LedgerRun(pages, stop_fd, sink, names_of(pages.config())) {}

LedgerRun::LedgerRun(const LedgerPages& pages, int stop_fd, kinds::SampleSink& sink,
                     const LedgerNames& names)
    : pages_(pages),
      sink_(sink),
      book_(names, limits_of(pages)),
      registers_(names, register_life, most_values),
      next_process_(pages.config().sessions),
      stop_(io_, check("duplicate the stop descriptor", ::fcntl(stop_fd, F_DUPFD_CLOEXEC, 0))) {}

void LedgerRun::run() {
  std::exception_ptr error;
  asio::co_spawn(io_, all(), [&](const std::exception_ptr& e) { error = e; });
  io_.run();
  if (error) std::rethrow_exception(error);
}

awaitable<void> LedgerRun::all() {
  TaskGroup tasks(io_, [this] { stop_.cancel(); });
  for (int i = 0; i < pages_.config().sessions; ++i) tasks.spawn(session(i));
  tasks.spawn(repeat(pages_.config().audit_every, [this] { return audit(); }));
  if (!tasks.failed())
    co_await stop_.async_wait(asio::posix::stream_descriptor::wait_read,
                              asio::as_tuple(asio::use_awaitable));
  stopping_ = true;
  for (asio::steady_timer& timer : timers_) timer.cancel();
  // Whatever ended it: what was written until then is read once more.
  std::exception_ptr failure;
  try {
    co_await tasks.all_done();
  } catch (...) {
    failure = std::current_exception();
  }
  co_await read_all();
  if (failure) std::rethrow_exception(failure);
}

template <typename Round>
awaitable<void> LedgerRun::repeat(Nanoseconds every, Round round) {
  asio::steady_timer& timer = timers_.emplace_back(io_);
  const MonoTime start = std::chrono::steady_clock::now();
  while (!stopping_) {
    co_await round();
    const Nanoseconds past = std::chrono::steady_clock::now() - start;
    timer.expires_at(start + (past / every + 1) * every);
    if (!stopping_) co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

// At each time one session writes a row, one reads one, and so on.
awaitable<void> LedgerRun::session(int number) {
  Session session{number, number};
  auto turn = static_cast<std::uint64_t>(number);
  co_await repeat(pages_.config().every,
                  [this, &session, &turn] { return take_turn(session, turn++); });
}

awaitable<void> LedgerRun::take_turn(Session& session, std::uint64_t turn) {
  switch (turn % 4) {
    case 0:
      if (!book_.full()) co_await write_row(session);
      break;
    case 1:
      co_await read_row(session);
      break;
    case 2:
      if (!registers_.full()) co_await write_register(session);
      break;
    default:
      co_await read_register(session);
  }
}

void LedgerRun::tell(Operation operation) {
  operation.at_ns = monotonic_ns();
  sink_.operated(operation);
}

void LedgerRun::tell(const LedgerBook::Findings& findings) {
  for (const kinds::Finding& finding : findings) sink_.found(finding);
}

void LedgerRun::tell_wrong_register(std::int64_t number, const std::string& token, LookTime time) {
  if (!wrong_registers_.insert(number).second) return;
  sink_.found({time.answered_ns, time.asked_ns, "wrong-value", registers_.key(number),
               fmt::format("holds {}, which was not written under it", token), true, false, 1});
}

void LedgerRun::finish(Session& session, Operation operation, Event event) {
  operation.event = event;
  tell(std::move(operation));
  if (event == Event::info) session.process = next_process_++;
}

awaitable<void> LedgerRun::write_row(Session& session) {
  Operation operation;
  operation.process = session.process;
  operation.function = Function::add;
  const std::int64_t row = book_.begin_row(session.number);
  operation.row = row;
  tell(operation);
  auto [answer, time] = co_await pages_.write(book_.id(row), book_.token(row));
  LedgerBook::Findings findings;
  if (answer.written == Written::yes && answer.read_back != book_.token(row)) {
    book_.wrong_read_back(row, *answer.read_back, time, findings);
    answer.written = Written::unknown;
  }
  if (answer.written == Written::yes) book_.acknowledge(row, time.answered_ns);
  if (answer.written == Written::no) book_.give_up(row);
  finish(session, operation,
         answer.written == Written::yes  ? Event::ok
         : answer.written == Written::no ? Event::fail
                                         : Event::info);
  tell(findings);
}

awaitable<void> LedgerRun::read_row(Session& session) {
  const auto row = book_.last_of_another(session.number);
  if (!row) co_return;
  Operation operation;
  operation.process = session.process;
  operation.row = row;
  tell(operation);
  const Rows rows{*row};
  const LedgerPages::Read answer = co_await pages_.read(book_.id(*row));
  if (!answer.values) {
    finish(session, operation, Event::fail);
    co_return;
  }
  if (const auto shown = book_.shown(*row, *answer.values)) operation.rows = {*shown};
  finish(session, operation, Event::ok);
  LedgerBook::Findings findings;
  const Rows missed = book_.look(rows, *answer.values, answer.time, findings);
  tell(findings);
  if (!missed.empty()) co_await ask_again(missed);
}

// By the page's own word an answer with another's token acknowledges too: both wrote at once, and
// the other one came later. Whether that can be is for whoever judges the history.
awaitable<void> LedgerRun::write_register(Session& session) {
  const LedgerRegisters::Write write_of = registers_.begin_write(monotonic_ns());
  Operation operation;
  operation.process = session.process;
  operation.function = Function::write;
  operation.register_key = registers_.key(write_of.register_number);
  operation.value = write_of.value;
  tell(operation);
  const auto [answer, time] =
      co_await pages_.write(operation.register_key, registers_.token(write_of.value));
  const bool known =
      answer.read_back && registers_.held(write_of.register_number, *answer.read_back).known;
  finish(session, operation,
         answer.written == Written::no             ? Event::fail
         : answer.written == Written::yes && known ? Event::ok
                                                   : Event::info);
  if (answer.read_back && !known)
    tell_wrong_register(write_of.register_number, *answer.read_back, time);
}

awaitable<void> LedgerRun::read_register(Session& session) {
  const std::int64_t number = registers_.to_read(monotonic_ns());
  Operation operation;
  operation.process = session.process;
  operation.register_key = registers_.key(number);
  tell(operation);
  const LedgerPages::Read answer = co_await pages_.read(operation.register_key);
  if (!answer.values) {
    finish(session, operation, Event::fail);
    co_return;
  }
  registers_.was_read(number, answer.time.asked_ns);
  const auto value = answer.values->find(operation.register_key);
  if (value == answer.values->end()) {
    finish(session, operation, Event::ok);
    co_return;
  }
  const LedgerRegisters::Held held = registers_.held(number, value->second);
  operation.value = held.value;
  finish(session, operation, Event::ok);
  if (!held.known) tell_wrong_register(number, value->second, answer.time);
}

}  // namespace nospof::probes
