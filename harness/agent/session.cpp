#include "agent/session.hpp"

#include <algorithm>
#include <array>
#include <csignal>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "system/check.hpp"

namespace nospof::agent {

namespace {

using namespace std::chrono_literals;
constexpr auto tuple = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t request_limit = 1U << 20U;
constexpr auto ask_every = 20ms;
constexpr auto retry_every = 1000ms;
// At the end everything is undone at once; only confirming, trying again and talking take time.
constexpr auto last_confirm_limit = 3000ms;
constexpr auto last_retry_every = 200ms;
constexpr int last_retries = 5;
constexpr auto flush_limit = 500ms;
// An understudy that dies again and again is killed by something that would kill the next one too.
constexpr std::size_t understudy_deaths = 5;
constexpr auto understudy_period = 10s;
constexpr std::size_t remembered = 64;

UniqueFd own_copy(int fd, const char* what) {
  return UniqueFd(check(what, ::fcntl(fd, F_DUPFD_CLOEXEC, 3)));
}

bool readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

}  // namespace

Session::Session(asio::io_context& context, const AgentOptions& options,
                 const kinds::Registry& registry, Environment& environment, Journal& journal,
                 Understudy& understudy, json::array recovered)
    : context_(context),
      options_(options),
      registry_(registry),
      environment_(environment),
      clock_(environment.clock()),
      journal_(journal),
      understudy_(understudy),
      recovered_(std::move(recovered)),
      output_(context.get_executor(), own_copy(options.out_fd, "dup stdout"),
              [this](const std::string& why) { end(why); }),
      input_(context, own_copy(options.in_fd, "dup stdin").release()),
      signals_(context, SIGTERM, SIGHUP, SIGINT),
      lease_timer_(context),
      understudy_watch_(context),
      reports_done_(context, asio::steady_timer::time_point::max()) {}

int Session::run() {
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (!error) end(fmt::format("SIG{}", signal_name(number)));
  });
  watch_understudy();
  spawn_task(read_requests());
  context_.run();
  const bool all_healed = std::ranges::all_of(injections_, [](const EntryPtr& entry) {
    return entry->life->state() == ActiveInjection::State::healed;
  });
  return all_healed ? 0 : 5;
}

// Tasks of the session itself do not throw; if one does, that is a broken agent, and healing comes
// first.
void Session::spawn_task(asio::awaitable<void> task) {
  asio::co_spawn(context_, std::move(task), [this](std::exception_ptr error) {
    if (!error) return;
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      end(fmt::format("internal error: {}", e.what()));
    }
  });
}

asio::awaitable<void> Session::read_requests() {
  std::array<char, 65536> block{};
  LineSplitter lines(request_limit);
  while (!ending_) {
    const auto [error, n] = co_await input_.async_read_some(asio::buffer(block), tuple);
    if (error) {
      end("stdin ended");
      co_return;
    }
    lines.push(std::string_view(block.data(), n));
    while (const auto line = lines.next()) take_line(*line);
  }
}

asio::awaitable<void> Session::watch_lease() {
  bool looked_again = false;
  while (!ending_) {
    lease_timer_.expires_at(*lease_until_);
    co_await lease_timer_.async_wait(tuple);
    if (ending_) co_return;
    if (std::chrono::steady_clock::now() < *lease_until_) {
      looked_again = false;
      continue;
    }
    // A step that kept the loop busy must not cost the lease: what was written meanwhile counts.
    if (looked_again || !readable(input_.native_handle())) {
      end("lease expired");
      co_return;
    }
    looked_again = true;
    lease_timer_.expires_after(ask_every);
    co_await lease_timer_.async_wait(tuple);
  }
}

// --- injections ---------------------------------------------------------------------------------

asio::awaitable<json::object> Session::confirm_injected(EntryPtr entry, Steps steps) {
  const auto end = std::chrono::steady_clock::now() + entry->confirm_within;
  asio::steady_timer pause(context_);
  kinds::Confirmation result;
  for (;;) {
    if (entry->life->state() != ActiveInjection::State::in_force) {
      result = {kinds::Confirmation::Outcome::not_yet, "healed before it was confirmed"};
      break;
    }
    result = entry->life->confirm();
    if (result.outcome != kinds::Confirmation::Outcome::not_yet) break;
    if (std::chrono::steady_clock::now() >= end) break;
    pause.expires_after(ask_every);
    co_await pause.async_wait(tuple);
  }
  entry->seen_to_bite = result.outcome == kinds::Confirmation::Outcome::confirmed;
  steps.add("confirm", result);
  json::object fields;
  add_confirmation(fields, result);
  fields["steps"] = steps.take();
  co_return fields;
}

asio::awaitable<kinds::Confirmation> Session::await_healed(EntryPtr entry,
                                                           std::chrono::milliseconds within) {
  const auto end = std::chrono::steady_clock::now() + within;
  asio::steady_timer pause(context_);
  for (;;) {
    kinds::Confirmation result = entry->life->confirm_healed();
    if (result.outcome != kinds::Confirmation::Outcome::not_yet) co_return result;
    if (std::chrono::steady_clock::now() >= end) co_return result;
    pause.expires_after(ask_every);
    co_await pause.async_wait(tuple);
  }
}

asio::awaitable<json::object> Session::heal(std::string injection,
                                            std::chrono::milliseconds within) {
  json::object fields;
  const auto found = std::ranges::find_if(
      injections_, [&](const EntryPtr& entry) { return entry->life->id() == injection; });
  Steps steps(clock_);
  kinds::Confirmation result{kinds::Confirmation::Outcome::unable,
                             "this agent has no such injection in force"};
  bool healed = true;
  bool changed = false;
  if (found != injections_.end()) {
    const EntryPtr entry = *found;
    const bool before = entry->life->state() == ActiveInjection::State::healed;
    // A helper that died, rules that somebody flushed: what was seen to bite no longer could.
    if (!before && entry->seen_to_bite)
      if (const kinds::Confirmation now = entry->life->confirm();
          now.outcome == kinds::Confirmation::Outcome::unable)
        steps.add("held", false, "it had ended before it was to be healed: " + now.evidence);
    healed = entry->life->take_back(steps);
    changed = healed && !before;
    if (healed) {
      entry->timer.cancel();
      result = co_await await_healed(entry, within);
    } else {
      result = {kinds::Confirmation::Outcome::not_yet, "the undo failed"};
      arm(entry, retry_every, "undo tried again");
    }
    steps.add("confirm-healed", result);
  }
  fields["healed"] = healed;
  fields["changed"] = changed;
  add_confirmation(fields, result);
  fields["steps"] = steps.take();
  co_return fields;
}

void Session::arm(const EntryPtr& entry, std::chrono::milliseconds after, std::string why) {
  entry->timer.expires_after(after);
  entry->timer.async_wait([this, weak = std::weak_ptr<Entry>(entry),
                           why = std::move(why)](const boost::system::error_code& error) {
    const EntryPtr still = weak.lock();
    if (!error && still) heal_by_itself(still, why);
  });
}

void Session::heal_by_itself(const EntryPtr& entry, const std::string& why) {
  if (entry->life->state() == ActiveInjection::State::healed) return;
  Steps steps(clock_);
  const bool healed = entry->life->take_back(steps);
  if (healed) {
    entry->timer.cancel();
  } else {
    arm(entry, retry_every, why);
    if (entry->failure_told) return;
    entry->failure_told = true;
  }
  ++reports_;
  spawn_task(report_healed(entry, why, std::move(steps)));
}

asio::awaitable<void> Session::report_healed(EntryPtr entry, std::string why, Steps steps) {
  const bool healed = entry->life->state() == ActiveInjection::State::healed;
  kinds::Confirmation result{kinds::Confirmation::Outcome::not_yet, "the undo failed"};
  if (healed)
    result = co_await await_healed(entry, std::min(entry->confirm_within, last_confirm_limit));
  steps.add("confirm-healed", result);
  json::object event;
  event["event"] = "healed";
  event["injection"] = entry->life->id();
  event["why"] = why;
  event["healed"] = healed;
  add_confirmation(event, result);
  event["steps"] = steps.take();
  output_.send(event);
  if (--reports_ == 0) reports_done_.cancel();
}

void Session::heal_everything(const std::string& why) {
  const std::deque<EntryPtr> all = injections_;
  for (auto entry = all.rbegin(); entry != all.rend(); ++entry) heal_by_itself(*entry, why);
}

void Session::remember(const EntryPtr& entry) {
  used_ids_.insert(entry->life->id());
  injections_.push_back(entry);
  if (injections_.size() <= remembered) return;
  const auto oldest = std::ranges::find_if(injections_, [](const EntryPtr& old) {
    return old->life->state() == ActiveInjection::State::healed;
  });
  if (oldest != injections_.end()) injections_.erase(oldest);
}

// --- records ------------------------------------------------------------------------------------

// Of two that change one thing the first to be healed would take the second's for somebody else's,
// and the second would put back what the first had made of it.
void Session::refuse_overlap(const std::string& injection, const kinds::UndoRecord& record) const {
  const std::vector<std::string> things = things_restored(record);
  for (const EntryPtr& entry : injections_) {
    if (entry->life->id() == injection) continue;
    for (const OpenRecord& other : entry->life->open())
      for (const std::string& thing : things_restored(other.record))
        if (std::ranges::find(things, thing) != things.end())
          throw Error(
              fmt::format("{} is changed already by the fault {} (injection '{}'), which "
                          "has to be healed first",
                          thing, entry->life->kind(), entry->life->id()));
  }
}

OpenRecord Session::keep(const std::string& injection, const kinds::UndoRecord& record) {
  refuse_overlap(injection, record);
  OpenRecord entry = journal_.add(injection, record);
  try {
    try {
      understudy_.hold(entry);
    } catch (const std::exception&) {
      replace_understudy();
    }
  } catch (const std::exception& e) {
    settle(entry.number, {true, false, "never injected"});
    const std::string why = e.what();
    asio::post(context_, [this, why] { lose_understudy(why); });
    throw Error(
        fmt::format("not injected: there is no understudy to keep the undo record: {}", why));
  }
  return entry;
}

void Session::settle(std::int64_t number, const UndoResult& result) noexcept {
  journal_.settle(number, "agent", result);
  if (result.done) understudy_.forget(number);
}

void Session::watch_understudy() {
  boost::system::error_code ignored;
  if (understudy_watch_.is_open()) understudy_watch_.close(ignored);
  understudy_watch_.assign(own_copy(understudy_.pidfd(), "dup pidfd").release());
  understudy_watch_.async_wait(asio::posix::descriptor_base::wait_read,
                               [this](const boost::system::error_code& error) {
                                 if (error || ending_ || understudy_.alive()) return;
                                 try {
                                   replace_understudy();
                                 } catch (const std::exception& e) {
                                   lose_understudy(e.what());
                                 }
                               });
}

void Session::replace_understudy() {
  const MonoTime now = clock_.now();
  std::erase_if(understudy_deaths_, [&](MonoTime at) { return now - at > understudy_period; });
  understudy_deaths_.push_back(now);
  if (understudy_deaths_.size() > understudy_deaths)
    throw Error(fmt::format("the understudy died {} times within {} s", understudy_deaths_.size(),
                            understudy_period.count()));
  understudy_.start();
  watch_understudy();
  output_.send({{"event", "understudy-restarted"}, {"pid", understudy_.pid()}});
}

void Session::lose_understudy(const std::string& why) {
  if (ending_) return;
  output_.send({{"event", "understudy-lost"}, {"detail", valid_utf8(why)}});
  heal_everything("understudy lost");
}

// --- the end ------------------------------------------------------------------------------------

void Session::end(const std::string& why) {
  if (ending_) return;
  ending_ = true;
  heal_everything(why);
  output_.send({{"event", "ending"}, {"why", why}});
  lease_timer_.cancel();
  spawn_task(finish());
}

asio::awaitable<void> Session::finish() {
  asio::steady_timer pause(context_);
  const auto failed = [](const EntryPtr& entry) {
    return entry->life->state() == ActiveInjection::State::undo_failed;
  };
  for (int i = 0; i < last_retries && std::ranges::any_of(injections_, failed); ++i) {
    pause.expires_after(last_retry_every);
    co_await pause.async_wait(tuple);
    heal_everything("undo tried again");
  }
  while (reports_ > 0) co_await reports_done_.async_wait(tuple);
  if (bye_) answer(bye_, {});
  co_await output_.flush(flush_limit);
  context_.stop();
}

}  // namespace nospof::agent
