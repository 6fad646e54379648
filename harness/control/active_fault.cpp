#include "control/active_fault.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "control/parallel.hpp"
#include "system/check.hpp"

namespace nospof::control {

namespace {
using namespace std::chrono_literals;

constexpr auto request_deadline = 15'000ms;
constexpr auto reach_timeout = 300ms;
constexpr auto all_witnesses_back_within = 1'000ms;
constexpr auto one_witness_back_within = 5'000ms;

json::object with_duration(json::object parameters, Nanoseconds at_most) {
  parameters["duration_ms"] = std::chrono::ceil<std::chrono::milliseconds>(at_most).count();
  return parameters;
}

std::string text_of(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}
}  // namespace

std::string witness_text(const kinds::Witness& witness) {
  return fmt::format("{} -> {} ({}:{})", witness.from_host, witness.to_host, witness.address,
                     witness.port);
}

ActiveFault::ActiveFault(Session& session, std::string cell, std::string injection,
                         std::string kind, kinds::Plan plan)
    : session_(session),
      cell_(std::move(cell)),
      injection_(std::move(injection)),
      kind_(std::move(kind)),
      plan_(std::move(plan)) {}

std::string ActiveFault::agent_host(const kinds::Placement& placement) const {
  return placement.needs_power ? hosts::power_host : placement.host;
}

json::object ActiveFault::step_fields(const std::string& host, const std::string& step, bool ok,
                                      const std::string& detail) const {
  return {{"cell", cell_}, {"injection", injection_}, {"host", host}, {"step", step},
          {"ok", ok},      {"detail", detail}};
}

void ActiveFault::record(const std::string& host, const std::string& step, bool ok,
                         const std::string& detail) {
  session_.recorder().event("step", step_fields(host, step, ok, detail));
}

void ActiveFault::record_witnesses(const std::string& step, bool confirmed,
                                   const std::string& detail,
                                   const std::vector<std::size_t>& told) {
  std::set<std::string> hosts;
  for (const std::size_t i : told)
    hosts.insert({plan_.witnesses[i].from_host, plan_.witnesses[i].to_host});
  json::object fields = step_fields("witnesses", step, confirmed, detail);
  fields["outcome"] = confirmed ? "confirmed" : "not-confirmed";
  fields["of_hosts"] = json::array(hosts.begin(), hosts.end());
  session_.recorder().event("step", std::move(fields));
}

void ActiveFault::record_steps(const kinds::Placement& placement, const json::object& answer) {
  const std::string& host = placement.host;
  const std::string clock = agent_host(placement);  // who told the times

  const json::value* steps = answer.if_contains("steps");
  if (steps == nullptr || !steps->is_array()) return;
  for (const json::value& entry : steps->as_array()) {
    const json::object& step = entry.as_object();
    const std::string name = text_of(step, "step");
    const bool ok = step.at("ok").as_bool();
    json::object fields{{"cell", cell_}, {"injection", injection_},          {"host", host},
                        {"step", name},  {"at_ns", step.at("mono_ns")},      {"clock", clock},
                        {"ok", ok},      {"detail", text_of(step, "detail")}};
    if (name.starts_with("confirm")) {
      const std::string said = text_of(step, "outcome");
      fields["outcome"] = !said.empty() ? said : ok ? "confirmed" : "not-confirmed";
    }
    if (name == "inject" && ok) {
      const auto at = session_.clocks().to_own(clock, step.at("mono_ns").to_number<std::int64_t>());
      injected_ns_ = injected_ns_ == 0 ? at : std::min(injected_ns_, at);
    }
    session_.recorder().event("step", std::move(fields));
  }
}

asio::awaitable<std::vector<std::optional<bool>>> ActiveFault::ask_witnesses() {
  std::vector<std::optional<bool>> open(plan_.witnesses.size());
  std::map<std::string, std::vector<std::size_t>> by_host;
  for (std::size_t i = 0; i < plan_.witnesses.size(); ++i)
    by_host[plan_.witnesses[i].from_host].push_back(i);
  std::vector<asio::awaitable<void>> tasks;
  const auto ask = [&](std::string host, std::vector<std::size_t> which) -> asio::awaitable<void> {
    json::array targets;
    for (const std::size_t i : which)
      targets.push_back(
          json::object{{"address", plan_.witnesses[i].address}, {"port", plan_.witnesses[i].port}});
    json::object request;
    request["targets"] = std::move(targets);
    request["timeout_ms"] = std::chrono::milliseconds(reach_timeout).count();
    try {
      const json::object answer =
          co_await session_.ask(host, "reach", std::move(request), request_deadline);
      const json::array& results = answer.at("results").as_array();
      for (std::size_t k = 0; k < which.size() && k < results.size(); ++k)
        open[which[k]] = results[k].as_object().at("open").as_bool();
    } catch (const std::exception& e) {
      record(host, "witness", false, e.what());
    }
  };
  for (const auto& [host, which] : by_host) tasks.push_back(ask(host, which));
  co_await in_parallel(session_.interruption().context(), std::move(tasks));
  co_return open;
}

asio::awaitable<void> ActiveFault::check() {
  std::vector<asio::awaitable<void>> tasks;
  const auto check_one = [this](const kinds::Placement* placement) -> asio::awaitable<void> {
    json::object request;
    request["fault"] = kind_;
    request["parameters"] = with_duration(placement->parameters, 1min);
    const std::string host = agent_host(*placement);
    try {
      co_await session_.ask(host, "check", std::move(request), request_deadline);
    } catch (const std::exception& e) {
      record(host, "check", false, e.what());
      throw Error(fmt::format("{} on {} cannot be injected: {}", kind_, placement->host, e.what()));
    }
  };
  for (const kinds::Placement& placement : plan_.placements) tasks.push_back(check_one(&placement));
  co_await in_parallel(session_.interruption().context(), std::move(tasks));
  open_before_ = co_await ask_witnesses();
}

asio::awaitable<void> ActiveFault::inject(Nanoseconds at_most) {
  in_force_ = true;  // from here on there may be something to heal
  if (!plan_.causes.empty())
    session_.recorder().event(
        "causes", {{"cell", cell_},
                   {"injection", injection_},
                   {"outcomes", json::array(plan_.causes.begin(), plan_.causes.end())}});
  std::vector<asio::awaitable<void>> tasks;
  const auto inject_one = [&](const kinds::Placement* placement) -> asio::awaitable<void> {
    json::object request;
    request["injection"] = injection_ + "@" + placement->host;
    request["fault"] = kind_;
    request["parameters"] = with_duration(placement->parameters, at_most);
    request["duration_ms"] = std::chrono::ceil<std::chrono::milliseconds>(at_most).count();
    request["confirm_ms"] = plan_.confirm_within.count();
    const std::string host = agent_host(*placement);
    std::string failure;
    try {
      record_steps(*placement, co_await session_.ask(host, "inject", std::move(request),
                                                     request_deadline + plan_.confirm_within));
    } catch (const hosts::AgentError& e) {
      record_steps(*placement, e.answer());
      failure = e.what();
    } catch (const std::exception& e) {
      failure = e.what();
    }
    if (failure.empty()) co_return;
    record(placement->host, "inject", false, failure);
    throw Error(fmt::format("{} on {} was not injected: {}", kind_, placement->host, failure));
  };
  for (const kinds::Placement& placement : plan_.placements)
    tasks.push_back(inject_one(&placement));
  std::exception_ptr error;
  try {
    co_await in_parallel(session_.interruption().context(), std::move(tasks));
  } catch (...) {
    error = std::current_exception();
  }
  if (!error) co_return;
  co_await heal();
  std::rethrow_exception(error);
}

bool ActiveFault::all_forbidden() const {
  return std::ranges::all_of(plan_.witnesses,
                             [](const kinds::Witness& witness) { return witness.forbidden; });
}

bool ActiveFault::is_usable(std::size_t i) const {
  const bool forbidden = plan_.witnesses[i].forbidden;
  return i < open_before_.size() && open_before_[i] && *open_before_[i] != forbidden;
}

asio::awaitable<void> ActiveFault::confirm_by_witnesses() {
  if (plan_.witnesses.empty()) co_return;
  const std::vector<std::optional<bool>> open_now = co_await ask_witnesses();
  std::vector<std::size_t> usable;
  std::size_t closed = 0;
  std::size_t forbidden = 0;
  std::string against;
  std::vector<std::size_t> opened;
  for (std::size_t i = 0; i < plan_.witnesses.size(); ++i) {
    if (!is_usable(i)) continue;
    if (plan_.witnesses[i].forbidden) {
      ++forbidden;
      if (open_now[i] == true) opened.push_back(i);
      continue;
    }
    usable.push_back(i);
    if (open_now[i] == false) {
      ++closed;
    } else {
      against +=
          fmt::format("{}{} {}", against.empty() ? "" : ", ", witness_text(plan_.witnesses[i]),
                      open_now[i] ? "is still open" : "could not be asked");
    }
  }
  if (!opened.empty()) {
    std::string text;
    for (const std::size_t i : opened)
      text += (text.empty() ? "" : ", ") + witness_text(plan_.witnesses[i]);
    record_witnesses("confirm", true, "connections that were forbidden are open: " + text, opened);
  } else if (forbidden > 0) {
    record("witnesses", "witness", true,
           fmt::format("none of {} forbidden connections opened; hosts at their other end may "
                       "forbid them too, so what the host itself measured has to do",
                       forbidden));
  }
  if (all_forbidden()) co_return;
  const bool confirmed = !usable.empty() && closed == usable.size();
  const std::string detail =
      usable.empty() ? "no witness connection was open before, so none can tell"
      : confirmed    ? fmt::format("{} of {} witness connections are cut", closed, usable.size())
                     : against;
  record_witnesses("confirm", confirmed, detail, usable);
}

asio::awaitable<bool> ActiveFault::heal_one(const kinds::Placement& placement) {
  json::object request;
  request["injection"] = injection_ + "@" + placement.host;
  request["confirm_ms"] = plan_.healed_within.count();
  std::string failure;
  try {
    const json::object answer = co_await session_.ask(
        agent_host(placement), "heal", std::move(request), request_deadline + plan_.healed_within);
    const bool healed = answer.at("healed").as_bool();
    // An agent that died or healed by itself leaves a fault that did not last: no evidence for
    // survival.
    if (healed && !answer.at("changed").as_bool())
      record(placement.host, "held", false, "the fault had ended before it was to be healed");
    record_steps(placement, answer);
    if (healed) co_return true;
    failure = text_of(answer, "evidence");
  } catch (const std::exception& e) {
    failure = e.what();
  }
  session_.recorder().event("healing-failed",
                            {{"cell", cell_}, {"host", placement.host}, {"detail", failure}});
  co_return false;
}

asio::awaitable<bool> ActiveFault::heal() {
  bool all = true;
  std::vector<asio::awaitable<void>> tasks;
  const auto one = [&](const kinds::Placement* placement) -> asio::awaitable<void> {
    if (!co_await heal_one(*placement)) all = false;
  };
  for (const kinds::Placement& placement : plan_.placements) tasks.push_back(one(&placement));
  co_await in_parallel(session_.interruption().context(), std::move(tasks));
  in_force_ = false;
  if (!all || plan_.witnesses.empty()) co_return all;

  // The path is free when one connection that was open before is open again; the others may take
  // longer, since the daemons behind them have to find each other first.
  const std::int64_t healed_ns = session_.now_ns();
  for (;;) {
    const std::vector<std::optional<bool>> open_now = co_await ask_witnesses();
    std::vector<std::size_t> usable;
    std::size_t open = 0;
    for (std::size_t i = 0; i < open_now.size() && i < open_before_.size(); ++i) {
      if (!is_usable(i)) continue;
      usable.push_back(i);
      open += open_now[i] && *open_now[i] == *open_before_[i] ? 1U : 0U;
    }
    if (usable.empty() && all_forbidden()) co_return all;
    const Nanoseconds waited(session_.now_ns() - healed_ns);
    const bool confirmed = open > 0;
    if (open == usable.size() || (open > 0 && waited > all_witnesses_back_within) ||
        waited > one_witness_back_within) {
      record_witnesses("confirm-healed", confirmed,
                       fmt::format("{} of {} witness connections are {} again", open, usable.size(),
                                   all_forbidden() ? "closed" : "open"),
                       usable);
      co_return all;
    }
    co_await session_.interruption().sleep_through(100ms);
  }
}

}  // namespace nospof::control
