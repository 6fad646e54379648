#include "lab/keeper.hpp"

#include <algorithm>
#include <filesystem>

#include <boost/json.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/host_mounts.hpp"
#include "lab/keeper_socket.hpp"
#include "system/cgroup.hpp"
#include "system/check.hpp"
#include "system/host_limits.hpp"

namespace nospof::lab {

namespace json = boost::json;
using State = KeptHost::State;

namespace {

constexpr std::chrono::milliseconds dying_poll{2};
constexpr std::chrono::milliseconds stopping_poll{10};
constexpr std::chrono::seconds longest_end{20};

double seconds(Nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

UniqueFd watch_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, number);
  check("sigprocmask", ::sigprocmask(SIG_BLOCK, &set, nullptr));
  return UniqueFd(check("signalfd", ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)));
}

}  // namespace

Keeper::Keeper(LabRecipe recipe, UniqueFd listener, UniqueFd owner, const Clock& clock)
    : recipe_(std::move(recipe)),
      layout_{recipe_.folder},
      listener_(std::move(listener)),
      owner_(std::move(owner)),
      signals_(watch_signals()),
      clock_(clock) {
  net_.add_bridge(switch_bridge);
  for (const HostRecipe& host : recipe_.hosts) {
    mount_data(host.plan.layout.data, host.data_bytes);
    slots_.emplace_back();
    slots_.back().host = std::make_unique<KeptHost>(recipe_, host, net_, clock_);
  }
}

int Keeper::run() {
  for (;;) {
    wait_and_dispatch();
    step_hosts();
    connections_.remove_if([](const Connection& connection) { return connection.closed; });
    const bool all_off = std::all_of(slots_.begin(), slots_.end(), [](const Slot& slot) {
      return slot.host->state() == State::off;
    });
    if (ending_ && (all_off || clock_.now() - ending_since_ > longest_end)) return finish();
  }
}

int Keeper::poll_timeout() const {
  Nanoseconds least = std::chrono::hours(1);
  const MonoTime now = clock_.now();
  for (const Slot& slot : slots_) {
    const State state = slot.host->state();
    if (state == State::dying) least = std::min<Nanoseconds>(least, dying_poll);
    if (state == State::stopping) least = std::min<Nanoseconds>(least, stopping_poll);
    if (state == State::booting) least = std::min<Nanoseconds>(least, std::chrono::seconds(1));
    for (const auto& hold : {slot.hold, slot.frozen, slot.isolated})
      if (hold) least = std::min(least, hold->until - now);
  }
  if (ending_) least = std::min<Nanoseconds>(least, std::chrono::milliseconds(100));
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(least).count();
  return static_cast<int>(std::max<long>(rounded, 0));
}

void Keeper::wait_and_dispatch() {
  std::vector<pollfd> waiting{{listener_.get(), POLLIN, 0},
                              {signals_.get(), POLLIN, 0},
                              {owner_.get(), POLLIN, 0}};  // -1 is ignored by poll(2)
  for (const Connection& connection : connections_)
    waiting.push_back({connection.fd.get(), POLLIN, 0});
  for (const Slot& slot : slots_) slot.host->add_to(waiting);
  if (::poll(waiting.data(), waiting.size(), poll_timeout()) < 0) {
    if (errno == EINTR) return;
    check("poll", -1);
  }
  if (waiting[1].revents != 0) {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) > 0)
      end(fmt::format("signal {}", signal_name(static_cast<int>(info.ssi_signo))));
  }
  if (waiting[2].revents != 0) {
    owner_.reset();
    end("the process that made the lab is gone");
  }
  std::size_t index = 3;
  for (Connection& connection : connections_)
    if (waiting[index++].revents != 0) read_connection(connection);
  if (waiting[0].revents != 0) accept_connections();
}

void Keeper::step_hosts() {
  const MonoTime now = clock_.now();
  for (Slot& slot : slots_) {
    const std::string trouble_before = slot.host->trouble();
    slot.host->step();
    if (slot.hold && slot.hold->until <= now) boot_again(slot, "its time is over");
    if (slot.frozen && slot.frozen->until <= now) thaw(slot, "its time is over");
    if (slot.isolated && slot.isolated->until <= now) rejoin(slot, "its time is over");
    // Who was frozen when its power went boots as everybody does.
    if (slot.host->state() == State::off) slot.frozen.reset();
    if (slot.host->state() == State::off && slot.boot_when_off && !ending_) {
      slot.boot_when_off = false;
      slot.host->boot();
      // Its port is a new one; nothing has come through it yet.
      if (slot.isolated) slot.host->connect(false);
    }
    const std::string& trouble = slot.host->trouble();
    if (!trouble.empty() && trouble != trouble_before)
      fmt::print(stderr, "{} is off: {}\n", slot.host->recipe().plan.host, trouble);
    if (!slot.announced) announce(slot);
  }
  // Answering may close a connection, never add a waiter.
  std::erase_if(waiters_, [this](const Waiter& waiter) { return settle(waiter); });
}

void Keeper::announce(Slot& slot) {
  if (slot.host->state() != State::on) return;
  slot.announced = true;
  for (const Waiter& waiter : waiters_)
    if (waiter.slot == nullptr)
      send(*waiter.connection, {{"event", "host-on"},
                                {"host", slot.host->recipe().plan.host},
                                {"seconds", seconds(slot.host->boot_time())}});
}

// Whether the waiter has its answer (or nobody is there any more to hear it).
bool Keeper::settle(const Waiter& waiter) {
  if (waiter.connection->closed) return true;
  bool pending = false;
  std::string trouble;
  for (const Slot& slot : slots_) {
    if (waiter.slot != nullptr && waiter.slot != &slot) continue;
    const State state = slot.host->state();
    if (state == (waiter.on ? State::on : State::off)) continue;
    const bool failed = waiter.on && state == State::off && !slot.boot_when_off;
    if (!failed) {
      pending = true;
    } else {
      const std::string& why = slot.host->trouble();
      trouble +=
          fmt::format("{}host {}: {}", trouble.empty() ? "" : "; ", slot.host->recipe().plan.host,
                      why.empty() ? "its power was cut again" : why);
    }
  }
  if (!trouble.empty())
    refuse(*waiter.connection, waiter.id, trouble);
  else if (!pending)
    answer(*waiter.connection, waiter.id, {{"seconds", seconds(clock_.now() - waiter.since)}});
  return !trouble.empty() || !pending;
}

void Keeper::accept_connections() {
  for (;;) {
    UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    connections_.push_back({std::move(fd), false});
  }
}

void Keeper::read_connection(Connection& connection) {
  try {
    const auto request = receive_message(connection.fd.get(), std::chrono::milliseconds(0));
    if (request) {
      handle(connection, *request);
      return;
    }
  } catch (const std::exception& e) {
    fmt::print(stderr, "bad request: {}\n", e.what());
  }
  connection.closed = true;
  for (Slot& slot : slots_) {
    if (slot.hold && slot.hold->by == &connection) boot_again(slot, "who cut its power is gone");
    if (slot.frozen && slot.frozen->by == &connection) thaw(slot, "who froze it is gone");
    if (slot.isolated && slot.isolated->by == &connection) rejoin(slot, "who cut it off is gone");
  }
  std::erase_if(waiters_, [&](const Waiter& waiter) { return waiter.connection == &connection; });
  std::erase_if(told_when_ended_, [&](const auto& told) { return told.first == &connection; });
}

void Keeper::handle(Connection& connection, const json::object& request) {
  const json::value id = request.at("id");
  const std::string op(request.at("op").as_string());
  if (ending_ && op != "down" && op != "status")
    return refuse(connection, id, fmt::format("lab {} is ending", recipe_.lab));
  if (op == "boot") {
    start_all(connection, id);
  } else if (op == "status") {
    json::array hosts;
    for (const Slot& slot : slots_) hosts.push_back(status_of(slot));
    answer(connection, id, {{"hosts", std::move(hosts)}});
  } else if (op == "power_off") {
    power_off(connection, request);
  } else if (op == "power_on") {
    power_on(connection, request);
  } else if (op == "freeze" || op == "isolate" || op == "reboot" || op == "thaw" ||
             op == "rejoin") {
    Slot* slot = find(request);
    if (slot == nullptr) return refuse(connection, id, "no such host");
    change(connection, *slot, op, request);
  } else if (op == "release") {
    owner_.reset();
    answer(connection, id, {});
  } else if (op == "down") {
    told_when_ended_.emplace_back(&connection, id);
    end("asked to");
  } else {
    refuse(connection, id, fmt::format("the keeper does not know '{}'", op));
  }
}

void Keeper::end(const std::string& why) {
  if (ending_) return;
  fmt::print(stderr, "the lab ends: {}\n", why);
  ending_ = true;
  ending_since_ = clock_.now();
  for (Slot& slot : slots_) {
    slot.hold.reset();
    slot.frozen.reset();
    slot.isolated.reset();
    slot.boot_when_off = false;
    slot.host->kill();
  }
}

int Keeper::finish() {
  std::string left;
  for (const Slot& slot : slots_)
    if (slot.host->state() != State::off)
      left += fmt::format("processes of {} do not die; ", slot.host->recipe().plan.host);
  if (!remove_cgroup(recipe_.cgroup, std::chrono::seconds(2)))
    left += fmt::format("cgroup {} is still in use; ", recipe_.cgroup);
  // Other labs may stand beside it: then it stays.
  ::rmdir(std::filesystem::path(recipe_.cgroup).parent_path().c_str());
  std::vector<std::string> groups;
  for (const HostRecipe& host : recipe_.hosts) {
    unmount_data(host.plan.layout.data);
    for (const std::string& folder : host.groups.all()) {
      const std::string of_lab = std::filesystem::path(folder).parent_path();
      if (!is_cgroup2(folder) && std::ranges::find(groups, of_lab) == groups.end())
        groups.push_back(of_lab);
    }
  }
  for (const std::string& folder : remove_limit_groups(groups))
    left += fmt::format("control group {} is still in use; ", folder);
  std::error_code error;
  if (left.empty()) std::filesystem::remove_all(recipe_.folder, error);
  if (error) left += fmt::format("remove {}: {}; ", recipe_.folder, error.message());
  for (const auto& [connection, id] : told_when_ended_) {
    if (left.empty())
      answer(*connection, id, {});
    else
      refuse(*connection, id, left);
  }
  if (!left.empty()) fmt::print(stderr, "left behind: {}\n", left);
  return left.empty() ? 0 : 5;
}

void Keeper::answer(Connection& connection, const json::value& id, json::object fields) {
  fields["id"] = id;
  fields["ok"] = true;
  send(connection, fields);
}

void Keeper::refuse(Connection& connection, const json::value& id, const std::string& error) {
  send(connection, {{"id", id}, {"ok", false}, {"error", error}});
}

// Who does not read its answers is taken for gone: closing is noticed by the next poll.
void Keeper::send(Connection& connection, const json::object& message) {
  if (send_message(connection.fd.get(), message) != SendResult::sent)
    ::shutdown(connection.fd.get(), SHUT_RDWR);
}

Keeper::Slot* Keeper::find(const json::object& request) {
  const std::string name(request.at("host").as_string());
  for (Slot& slot : slots_)
    if (slot.host->recipe().plan.host == name) return &slot;
  return nullptr;
}

}  // namespace nospof::lab
