// What the keeper does to its hosts when it is asked to, and how it takes that back.

#include <boost/json.hpp>
#include <fmt/format.h>

#include "lab/keeper.hpp"

namespace nospof::lab {

namespace json = boost::json;
using State = KeptHost::State;

namespace {

double seconds(Nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void Keeper::start_all(Connection& connection, const json::value& id) {
  for (Slot& slot : slots_) {
    slot.announced = false;
    if (slot.host->state() == State::off) slot.host->boot();
  }
  waiters_.push_back({&connection, id, nullptr, true, clock_.now()});
}

void Keeper::power_off(Connection& connection, const json::object& request) {
  Slot* slot = find(request);
  const json::value& id = request.at("id");
  if (slot == nullptr) return refuse(connection, id, "no such host");
  const auto at_most = Nanoseconds(request.at("at_most_ns").as_int64());
  if (slot->hold && slot->hold->by != &connection)
    return refuse(connection, id, "somebody else has cut its power already");
  fmt::print(stderr, "power of {} cut for at most {:.3f} s\n", slot->host->recipe().plan.host,
             seconds(at_most));
  slot->hold = Hold{&connection, clock_.now() + at_most};
  slot->boot_when_off = false;
  slot->host->cut_power();
  waiters_.push_back({&connection, id, slot, false, clock_.now()});
}

void Keeper::power_on(Connection& connection, const json::object& request) {
  Slot* slot = find(request);
  const json::value& id = request.at("id");
  if (slot == nullptr) return refuse(connection, id, "no such host");
  boot_again(*slot, "asked to");
  waiters_.push_back({&connection, id, slot, true, clock_.now()});
}

void Keeper::change(Connection& connection, Slot& slot, const std::string& op,
                    const json::object& request) {
  const json::value& id = request.at("id");
  const std::string& host = slot.host->recipe().plan.host;
  const bool is_on = slot.host->state() == State::on;
  if (op == "thaw") {
    thaw(slot, "asked to");
  } else if (op == "rejoin") {
    rejoin(slot, "asked to");
  } else if (!is_on) {
    return refuse(connection, id, fmt::format("{} is not on", host));
  } else if (op == "reboot") {
    if (slot.frozen)
      return refuse(connection, id, fmt::format("{} is frozen: nothing on it can end", host));
    const auto grace = Nanoseconds(request.at("grace_ns").as_int64());
    fmt::print(stderr, "{} reboots, at most {:.3f} s for its services\n", host, seconds(grace));
    slot.host->shut_down(grace);
    slot.boot_when_off = true;
  } else {
    const bool freezing = op == "freeze";
    std::optional<Hold>& hold = freezing ? slot.frozen : slot.isolated;
    if (hold && hold->by != &connection)
      return refuse(connection, id, fmt::format("somebody else has done '{}' already", op));
    const auto at_most = Nanoseconds(request.at("at_most_ns").as_int64());
    fmt::print(stderr, "{}: {} for at most {:.3f} s\n", host, op, seconds(at_most));
    hold = Hold{&connection, clock_.now() + at_most};
    if (freezing)
      slot.host->freeze(true);
    else
      slot.host->connect(false);
  }
  answer(connection, id, {});
}

void Keeper::thaw(Slot& slot, const std::string& why) {
  if (!slot.frozen) return;
  slot.frozen.reset();
  fmt::print(stderr, "{} goes on: {}\n", slot.host->recipe().plan.host, why);
  slot.host->freeze(false);
}

void Keeper::rejoin(Slot& slot, const std::string& why) {
  if (!slot.isolated) return;
  slot.isolated.reset();
  fmt::print(stderr, "{} is on the network again: {}\n", slot.host->recipe().plan.host, why);
  slot.host->connect(true);
}

json::object Keeper::status_of(const Slot& slot) const {
  const State state = slot.host->state();
  std::string detail = slot.host->trouble();
  if (detail.empty() && slot.hold) detail = "its power is cut";
  if (detail.empty() && slot.frozen) detail = "frozen";
  if (detail.empty() && slot.isolated) detail = "cut off at its switch";
  if (state == State::booting) detail = "boots";
  if (state == State::stopping) detail = "stops its services";
  const KeptHost::Condition condition = slot.host->condition();
  return {{"name", slot.host->recipe().plan.host},
          {"on", state == State::on},
          {"pid", state == State::on ? slot.host->init_pid() : 0},
          {"frozen", condition.frozen},
          {"connected", condition.connected},
          {"processes", condition.processes},
          {"cpu_us", condition.cpu_us},
          {"boots", condition.boots},
          {"last_shutdown", condition.last_shutdown},
          {"detail", detail}};
}

void Keeper::boot_again(Slot& slot, const std::string& why) {
  slot.hold.reset();
  const State state = slot.host->state();
  if (state == State::on || state == State::booting) return;
  fmt::print(stderr, "{} boots: {}\n", slot.host->recipe().plan.host, why);
  slot.boot_when_off = true;
}

}  // namespace nospof::lab
