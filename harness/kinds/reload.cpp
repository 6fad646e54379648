#include "kinds/reload.hpp"

#include <chrono>
#include <optional>
#include <thread>

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>

#include "kinds/fault.hpp"
#include "system/cgroup.hpp"
#include "system/check.hpp"

namespace nospof::kinds {

namespace {

using namespace std::chrono_literals;

constexpr auto command_deadline = 5'000ms;
constexpr auto end_deadline = 8'000ms;
constexpr auto handler_deadline = 2'000ms;
constexpr std::size_t longest_output = 200;

int signal_field(const json::object& fields) {
  const json::value* name = fields.if_contains("signal");
  const auto number = name != nullptr && name->is_string()
                          ? signal_number(std::string_view(name->as_string()))
                          : std::nullopt;
  if (!number) throw Error("how a service is reloaded: 'signal' must be the name of a signal");
  return *number;
}

std::string first_line(const std::string& text) {
  return text.substr(0, std::min(text.find('\n'), longest_output));
}

}  // namespace

json::object reload_json(const Reload& reload) {
  switch (reload.how) {
    case Reload::How::nothing:
      return {{"how", "nothing"}};
    case Reload::How::signal:
      return {{"how", "signal"}, {"signal", signal_name(reload.signal_number)}};
    case Reload::How::command: {
      json::object fields{{"how", "command"}};
      fields["command"] = json::array(reload.command.begin(), reload.command.end());
      return fields;
    }
    case Reload::How::restart:
      return {{"how", "restart"}, {"signal", signal_name(reload.signal_number)}};
  }
  return {};
}

Reload reload_from_json(const json::object& fields) {
  const json::value* value = fields.if_contains("how");
  const std::string how =
      value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
  Reload reload;
  if (how == "nothing") return reload;
  if (how == "signal" || how == "restart") {
    reload.how = how == "signal" ? Reload::How::signal : Reload::How::restart;
    reload.signal_number = signal_field(fields);
    return reload;
  }
  if (how != "command")
    throw Error(fmt::format(
        "how a service is reloaded: '{}' is none of nothing, signal, command, restart", how));
  reload.how = Reload::How::command;
  const json::value* words = fields.if_contains("command");
  if (words != nullptr && words->is_array())
    for (const json::value& word : words->as_array())
      if (word.is_string()) reload.command.emplace_back(word.as_string());
  if (reload.command.empty() || reload.command.size() != words->as_array().size())
    throw Error("how a service is reloaded: 'command' must be a list of texts");
  return reload;
}

std::string describe_reload(const Reload& reload, const std::string& service) {
  switch (reload.how) {
    case Reload::How::nothing:
      return service + " reads its files by itself";
    case Reload::How::signal:
      return fmt::format("SIG{} to the main process of {}", signal_name(reload.signal_number),
                         service);
    case Reload::How::command:
      return fmt::format("runs {}", fmt::join(reload.command, " "));
    case Reload::How::restart:
      return fmt::format("restarts {}", service);
  }
  return {};
}

namespace {

// A process that is starting, or reloading already by executing itself anew, would lose the signal
// or be ended by it.
ReloadResult signal_service(int signal_number, ServiceManager& services, const std::string& service,
                            const std::string& what) {
  const auto end = std::chrono::steady_clock::now() + handler_deadline;
  std::optional<ProcessId> main;
  SignalReaction reaction = SignalReaction::none;
  for (;;) {
    main = services.state(service).main_process;
    reaction = main ? reaction_to(*main, signal_number) : SignalReaction::none;
    if (reaction == SignalReaction::handled || std::chrono::steady_clock::now() >= end) break;
    std::this_thread::sleep_for(10ms);
  }
  if (!main) return {false, fmt::format("{}: it does not run", what)};
  if (reaction == SignalReaction::none)
    return {false, fmt::format("{}: it has no handler for the signal, which would end it", what)};
  const bool sent = send_signal(*main, signal_number);
  return {sent, sent ? what : fmt::format("{}: it does not run", what)};
}

}  // namespace

ReloadResult reload_service(const Reload& reload, ServiceManager& services,
                            const std::string& service) {
  const std::string what = describe_reload(reload, service);
  switch (reload.how) {
    case Reload::How::nothing:
      return {true, what};
    case Reload::How::signal:
      return signal_service(reload.signal_number, services, service, what);
    case Reload::How::command: {
      SpawnOptions options;
      options.argv = reload.command;
      options.directory = "/";
      options.parent_death_signal = SIGKILL;
      const CommandResult result = run_command(options, command_deadline);
      if (result.timed_out)
        return {false, fmt::format("{}: no end within {} s", what, command_deadline / 1000ms)};
      return {result.exit_code == 0,
              fmt::format("{}: exit code {}{}{}", what, result.exit_code,
                          result.errors.empty() ? "" : ", ", first_line(result.errors))};
    }
    case Reload::How::restart:
      break;
  }
  throw Error(fmt::format("{} takes steps of its own", what));
}

void Restart::begin() {
  begun_ = clock_.now();
  const ServiceState state = services_.state(service_);
  old_main_ = state.main_process;
  if (!old_main_) return;
  services_.hold_down(service_);
  send_signal(*old_main_, signal_number_);
}

bool Restart::advance() {
  if (started_) return true;
  const ServiceState state = services_.state(service_);
  const bool old_runs = old_main_ && state.main_process == old_main_;
  if (old_runs && clock_.now() - begun_ < end_deadline) return false;
  if (old_runs) {
    send_signal(*old_main_, SIGKILL);
    if (!state.cgroup.empty()) kill_cgroup(state.cgroup);
    return false;
  }
  // Its policy may have it stay down, and would have the last word.
  if (state.clearing_up) return false;
  services_.start(service_);
  started_ = true;
  return true;
}

}  // namespace nospof::kinds
