#include "control/observers.hpp"

#include <algorithm>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "control/parallel.hpp"
#include "system/check.hpp"

namespace nospof::control {

namespace json = boost::json;

namespace {
using namespace std::chrono_literals;

constexpr Nanoseconds look_every = 50ms;
constexpr Nanoseconds try_again_every = 300ms;
/// A ledger ends with what is under way and a last read of all that it wrote.
constexpr auto last_words = 15'000ms;
}  // namespace

ObserverTeam::ObserverTeam(asio::io_context& context, Interruption& interruption,
                           hosts::Transport& transport, Recorder& recorder, ClockBook& clocks)
    : context_(context),
      interruption_(interruption),
      transport_(transport),
      recorder_(recorder),
      clocks_(clocks) {}

ObserverTeam::~ObserverTeam() = default;

ProberEvents ObserverTeam::events_of(const std::string& host) {
  ProberEvents events;
  events.found = [this, host](const std::string& of, const kinds::Finding& finding) {
    recorder_.event("found", {{"probe", of},
                              {"host", host},
                              {"at_ns", finding.at_ns},
                              {"since_ns", finding.since_ns},
                              {"what", finding.what},
                              {"subject", finding.subject},
                              {"detail", finding.detail},
                              {"violation", finding.violation},
                              {"over", finding.over},
                              {"count", finding.count}});
  };
  events.looked = [this, host](const std::string& of, const kinds::Round& round) {
    recorder_.event("looked", {{"probe", of},
                               {"host", host},
                               {"begin_ns", round.begin_ns},
                               {"end_ns", round.end_ns},
                               {"checked", round.checked},
                               {"undecided", round.undecided}});
    const auto awaited = looked_ns_.find({host, of});
    if (awaited != looked_ns_.end() && round.checked > round.undecided)
      awaited->second = std::max(awaited->second, clocks_.to_own(host, round.begin_ns));
  };
  events.expects = [this, host](const std::string& of, const std::vector<kinds::Expectation>& all) {
    if (!decided_.emplace(std::pair(host, of), std::vector<bool>(all.size(), false)).second) return;
    json::array list;
    for (const kinds::Expectation& each : all)
      list.push_back({{"subject", each.subject}, {"expected", each.expected}});
    recorder_.event("expects", {{"probe", of}, {"host", host}, {"expects", std::move(list)}});
  };
  events.decided = [this, host](const std::string& of, const std::vector<std::size_t>& places) {
    record_decided(host, of, places);
  };
  // A probe that begins anew knows nothing of what it wrote before, so its history is another one.
  const auto history = std::make_shared<std::optional<HistoryFiles>>();
  events.operated = [this, history](const std::string&,
                                    const std::vector<kinds::Operation>& operations) {
    if (!*history) history->emplace(recorder_.begin_history());
    (*history)->add(operations);
  };
  return events;
}

void ObserverTeam::record(const std::string& host, const std::string& state,
                          const std::string& detail) {
  recorder_.event("observer", {{"host", host}, {"state", state}, {"detail", detail}});
}

// A probe that begins anew tells all of it again.
void ObserverTeam::record_decided(const std::string& host, const std::string& of,
                                  const std::vector<std::size_t>& places) {
  const auto told = decided_.find({host, of});
  const std::size_t all = told == decided_.end() ? 0 : told->second.size();
  if (std::ranges::any_of(places, [&](std::size_t place) { return place >= all; }))
    throw Error(fmt::format("{} on {} decides what it does not look at", of, host));
  json::array news;
  for (const std::size_t place : places) {
    std::vector<bool>& known = told->second;
    if (known[place]) continue;
    known[place] = true;
    news.emplace_back(place);
  }
  if (!news.empty())
    recorder_.event("decided", {{"probe", of}, {"host", host}, {"places", std::move(news)}});
}

asio::awaitable<std::unique_ptr<ProberClient>> ObserverTeam::connect(const std::string& host,
                                                                     const Orders& orders) {
  auto client = std::make_unique<ProberClient>(context_, transport_.start(host, {"prober"}), host,
                                               events_of(host));
  co_await client->start(orders);
  // Before anything that it tells: what was told before is the former one's.
  record(host, "up", fmt::format("{} probes", orders.size()));
  ProberClient* asked = client.get();
  const ClockBook::Ask ask = [asked](std::chrono::milliseconds within) {
    return asked->clock(within);
  };
  const std::string of = "prober";
  co_await clocks_.read(host, of, ask);
  co_return client;
}

asio::awaitable<void> ObserverTeam::start(const std::vector<Observer>& observers) {
  std::map<std::string, Orders> by_host;
  for (const Observer& observer : observers) {
    by_host[observer.host].push_back(observer.probe);
    if (observer.after_healing) looked_ns_[{observer.host, observer.probe.name}] = 0;
  }
  std::vector<asio::awaitable<void>> starts;
  const auto first = [this](std::string host, const Orders& orders) -> asio::awaitable<void> {
    probers_[host] = co_await connect(host, orders);
  };
  for (const auto& [host, orders] : by_host) starts.push_back(first(host, orders));
  co_await in_parallel(context_, std::move(starts));
  for (auto& [host, orders] : by_host) {
    ++keepers_;
    asio::co_spawn(context_, keep_running(host, std::move(orders)),
                   [this](const std::exception_ptr&) { --keepers_; });
  }
}

asio::awaitable<void> ObserverTeam::keep_running(std::string host, Orders orders) {
  while (!stopping_) {
    std::unique_ptr<ProberClient>& prober = probers_[host];
    if (prober && prober->failure().empty()) {
      co_await interruption_.sleep_through(look_every);
      continue;
    }
    if (prober) {
      record(host, "down", prober->failure());
      // Its other probes still run. One of them may be a ledger that has not read all of its rows.
      co_await prober->stop(last_words);
      prober.reset();
      // One that always fails is not begun anew all the time.
      co_await interruption_.sleep_through(try_again_every);
      if (stopping_) break;
    }
    try {
      prober = co_await connect(host, orders);
    } catch (const std::exception&) {
      // Its host is down, or just coming up; whoever judges sees that nobody looked.
    }
    if (!prober) co_await interruption_.sleep_through(try_again_every);
  }
}

bool ObserverTeam::looked_since(std::int64_t healed_ns) const {
  return std::ranges::all_of(looked_ns_,
                             [&](const auto& look) { return look.second >= healed_ns; });
}

asio::awaitable<void> ObserverTeam::stop() {
  stopping_ = true;
  while (keepers_ > 0) co_await interruption_.sleep_through(10ms);
  std::vector<asio::awaitable<void>> ends;
  const auto end = [](ProberClient& prober) -> asio::awaitable<void> {
    co_await prober.stop(last_words);
  };
  for (auto& [host, prober] : probers_)
    if (prober) ends.push_back(end(*prober));
  co_await in_parallel(context_, std::move(ends));
  probers_.clear();
}

}  // namespace nospof::control
