#include <chrono>
#include <csignal>
#include <set>
#include <thread>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "agent/services.hpp"
#include "agent/undo_operations.hpp"
#include "system/check.hpp"

namespace nospof::agent {

using namespace std::chrono_literals;

namespace {

ProcessId process_field(const json::value& entry) {
  const json::object* fields = entry.if_object();
  const json::value* pid = fields != nullptr ? fields->if_contains("pid") : nullptr;
  const json::value* start = fields != nullptr ? fields->if_contains("start_time") : nullptr;
  if (pid == nullptr || start == nullptr || !pid->is_number() || !start->is_number())
    throw Error(fmt::format("undo record with a bad process: {}", json::serialize(entry)));
  return {pid->to_number<pid_t>(), start->to_number<std::uint64_t>()};
}

// Also what will stop as soon as it leaves the kernel, for instance when its vfork child goes on.
bool stopped(const ProcessId& id) {
  const auto state = read_process(id.pid);
  return state && state->id == id && (state->state == 'T' || has_pending_stop(id));
}

// Everything that a record names by number, by cgroup or by service, without repetition.
std::vector<ProcessId> processes_of(const json::object& record, kinds::HostEnv& env) {
  std::vector<ProcessId> ids;
  std::set<pid_t> known;
  const auto add = [&](const ProcessId& id) {
    if (id.pid > 1 && known.insert(id.pid).second) ids.push_back(id);
  };
  if (const json::value* listed = record.if_contains("processes")) {
    if (!listed->is_array()) throw Error("undo record: 'processes' is no list");
    for (const json::value& entry : listed->as_array()) add(process_field(entry));
  }
  if (const auto cgroup = optional_text_field(record, "cgroup"))
    for (const ProcessId& id : cgroup_processes(*cgroup)) add(id);
  const auto service = optional_text_field(record, "service");
  if (service && env.services != nullptr)
    for (const ProcessId& id : env.services->state(*service).processes) add(id);
  return ids;
}

// On a busy machine a service that forks all the time is not seen through at once; less than what
// an understudy has for all of its records.
constexpr auto patience = 3s;

}  // namespace

UndoResult undo_stop(const json::object& record, kinds::HostEnv& env) {
  std::size_t continued = 0;
  const auto end = std::chrono::steady_clock::now() + patience;
  for (bool first = true;; first = false) {
    bool any = false;
    for (const ProcessId& id : processes_of(record, env)) {
      const bool is_stopped = stopped(id);
      // A SIGSTOP sent a moment ago may not show yet; SIGCONT takes that one back as well. To a
      // process that runs it is nothing.
      if (!is_stopped && !first) continue;
      any = any || is_stopped;
      if (send_signal(id, SIGCONT) && is_stopped) ++continued;
    }
    if (!any) break;
    if (std::chrono::steady_clock::now() >= end)
      return {false, continued > 0,
              fmt::format("processes are still stopped after SIGCONT for {} s: something stops "
                          "them again",
                          patience.count())};
    std::this_thread::sleep_for(1ms);
  }
  return {true, continued > 0,
          continued == 0 ? "no process was stopped" : fmt::format("{} x SIGCONT", continued)};
}

}  // namespace nospof::agent
