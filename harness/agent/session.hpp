#pragma once
// The agent's event loop: requests, lease, timers, signals. One thread; every fault step is
// synchronous and short, everything that waits is a coroutine.

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "agent/active.hpp"
#include "agent/agent.hpp"
#include "agent/arguments.hpp"
#include "agent/environment.hpp"
#include "agent/lines.hpp"
#include "agent/output.hpp"
#include "agent/understudy.hpp"

namespace nospof::agent {

class Session final : private RecordKeeper {
 public:
  /// `recovered`: what was taken back of a predecessor, for "hello".
  Session(asio::io_context& context, const AgentOptions& options, const kinds::Registry& registry,
          Environment& environment, Journal& journal, Understudy& understudy,
          json::array recovered);

  /// Until it is told to end and has healed. Returns the exit code.
  int run();

 private:
  using Id = std::optional<std::int64_t>;
  /// An injection with its own timer.
  struct Entry {
    Entry(const asio::any_io_executor& executor, std::chrono::milliseconds confirm)
        : timer(executor), confirm_within(confirm) {}
    std::unique_ptr<ActiveInjection> life;
    asio::steady_timer timer;  ///< end of the duration, then tries again
    std::chrono::milliseconds confirm_within;
    bool failure_told = false;
    bool seen_to_bite = false;
  };
  using EntryPtr = std::shared_ptr<Entry>;

  // requests (session_requests.cpp)
  void take_line(const LineSplitter::Line& line);
  void take_request(Id id, const std::string& op, Arguments arguments);
  json::object answer_at_once(const std::string& op, Arguments& arguments);
  void start_slow(Id id, asio::awaitable<json::object> work);
  void answer(Id id, json::object fields);
  void refuse(Id id, const std::string& error, json::object fields = {});
  json::object hello(Arguments& arguments);
  json::object lease(Arguments& arguments);
  json::object check_fault(Arguments& arguments);
  json::object status() const;
  json::object tell_clock() const;
  json::object service(Arguments& arguments);
  void inject(Id id, Arguments& arguments);
  void start_heal(Id id, Arguments& arguments);
  void start_exec(Id id, Arguments& arguments);
  void start_reach(Id id, Arguments& arguments);

  // injections
  asio::awaitable<json::object> confirm_injected(EntryPtr entry, Steps steps);
  asio::awaitable<json::object> heal(std::string injection, std::chrono::milliseconds within);
  asio::awaitable<kinds::Confirmation> await_healed(EntryPtr entry,
                                                    std::chrono::milliseconds within);
  void arm(const EntryPtr& entry, std::chrono::milliseconds after, std::string why);
  void heal_by_itself(const EntryPtr& entry, const std::string& why);
  asio::awaitable<void> report_healed(EntryPtr entry, std::string why, Steps steps);
  void heal_everything(const std::string& why);
  void remember(const EntryPtr& entry);

  // RecordKeeper
  OpenRecord keep(const std::string& injection, const kinds::UndoRecord& record) override;
  void refuse_overlap(const std::string& injection, const kinds::UndoRecord& record) const;
  void settle(std::int64_t number, const UndoResult& result) noexcept override;

  // life of the session
  asio::awaitable<void> read_requests();
  asio::awaitable<void> watch_lease();
  void watch_understudy();
  void lose_understudy(const std::string& why);
  void replace_understudy();
  void end(const std::string& why);
  asio::awaitable<void> finish();
  void spawn_task(asio::awaitable<void> task);

  asio::io_context& context_;
  const AgentOptions& options_;
  const kinds::Registry& registry_;
  Environment& environment_;
  const Clock& clock_;
  Journal& journal_;
  Understudy& understudy_;
  json::array recovered_;
  Output output_;
  asio::posix::stream_descriptor input_;
  asio::signal_set signals_;
  asio::steady_timer lease_timer_;
  std::optional<std::chrono::steady_clock::time_point> lease_until_;
  asio::posix::stream_descriptor understudy_watch_;
  std::deque<MonoTime> understudy_deaths_;
  std::deque<EntryPtr> injections_;  ///< oldest first; those healed long ago are let go of
  std::set<std::string> used_ids_;
  std::size_t slow_requests_ = 0;
  std::size_t reports_ = 0;  ///< of healing, still to be confirmed
  asio::steady_timer reports_done_;
  Id bye_;
  bool ending_ = false;
};

}  // namespace nospof::agent
