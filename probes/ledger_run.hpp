#pragma once
// One run of the ledger probe: its sessions, its audits, and its last read. Brings Asio.

#include <list>
#include <set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "kinds/probe.hpp"
#include "probes/ledger_book.hpp"
#include "probes/ledger_pages.hpp"
#include "probes/ledger_registers.hpp"

namespace nospof::probes {

/// Everything happens on the thread that calls run().
class LedgerRun {
 public:
  /// References must outlive it.
  LedgerRun(const LedgerPages& pages, int stop_fd, kinds::SampleSink& sink);
  void run();

 private:
  template <typename T>
  using awaitable = boost::asio::awaitable<T>;
  using Rows = LedgerBook::Rows;
  /// One client after another: whoever ended an operation with `info` is another one from then on.
  struct Session {
    int number = 0;
    std::int64_t process = 0;
  };

  LedgerRun(const LedgerPages& pages, int stop_fd, kinds::SampleSink& sink,
            const LedgerNames& names);

  awaitable<void> all();
  /// Calls `round` on a schedule from now on, but not while it still runs, until it is to stop.
  template <typename Round>
  awaitable<void> repeat(Nanoseconds every, Round round);

  awaitable<void> session(int number);
  awaitable<void> take_turn(Session& session, std::uint64_t turn);
  awaitable<void> write_row(Session& session);
  awaitable<void> read_row(Session& session);
  awaitable<void> write_register(Session& session);
  awaitable<void> read_register(Session& session);

  awaitable<void> audit();
  awaitable<void> ask_again(Rows missed);
  awaitable<void> read_all();
  /// What the last read has come to.
  struct LastRead {
    std::list<Rows> questions;  ///< nobody has asked yet
    MonoTime until{};
    LedgerBook::Values values;
    kinds::Round round;
  };
  awaitable<void> read_some(LastRead& last);

  void tell(kinds::Operation operation);
  void tell(const LedgerBook::Findings& findings);
  void tell_round(kinds::Round round);
  void tell_wrong_register(std::int64_t number, const std::string& token, LookTime time);
  void finish(Session& session, kinds::Operation operation, kinds::Operation::Event event);

  const LedgerPages& pages_;
  kinds::SampleSink& sink_;
  LedgerBook book_;
  LedgerRegisters registers_;
  std::set<std::int64_t> wrong_registers_;  ///< told already
  std::int64_t next_process_;
  boost::asio::io_context io_{1};
  boost::asio::posix::stream_descriptor stop_;
  std::list<boost::asio::steady_timer> timers_;  ///< of all who wait for their time
  bool stopping_ = false;
};

}  // namespace nospof::probes
