#include "agent/undo.hpp"

#include <chrono>
#include <csignal>
#include <set>
#include <thread>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "agent/services.hpp"
#include "system/check.hpp"
#include "system/nftables.hpp"

namespace nospof::agent {

namespace json = boost::json;

namespace {

using namespace std::chrono_literals;

std::string text_field(const json::object& record, const char* name) {
  const json::value* value = record.if_contains(name);
  if (value == nullptr || !value->is_string() || value->as_string().empty())
    throw Error(fmt::format("undo record without '{}': {}", name, json::serialize(record)));
  return std::string(value->as_string());
}

std::optional<std::string> optional_text_field(const json::object& record, const char* name) {
  const json::value* value = record.if_contains(name);
  if (value == nullptr || (value->is_string() && value->as_string().empty())) return std::nullopt;
  return text_field(record, name);
}

UndoResult undo_nft_table(const json::object& record) {
  const std::string family = text_field(record, "family");
  const std::string table = text_field(record, "table");
  const auto end = std::chrono::steady_clock::now() + 1s;
  bool seen = false;
  while (has_nft_table(family, table)) {
    seen = true;
    if (std::chrono::steady_clock::now() >= end)
      return {
          false, false,
          fmt::format("nftables table {} {} is still there: its owner lives on (nft list tables "
                      "shows it; end the process that owns it)",
                      family, table)};
    std::this_thread::sleep_for(5ms);
  }
  return {true, seen, fmt::format("nftables table {} {} is gone", family, table)};
}

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

UndoResult undo_stop(const json::object& record, kinds::HostEnv& env) {
  std::size_t continued = 0;
  const auto end = std::chrono::steady_clock::now() + 1s;
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
              "processes are still stopped after SIGCONT for 1 s: something stops them again"};
    std::this_thread::sleep_for(1ms);
  }
  return {true, continued > 0,
          continued == 0 ? "no process was stopped" : fmt::format("{} x SIGCONT", continued)};
}

UndoResult undo_service(const json::object& record, kinds::HostEnv& env) {
  const std::string service = text_field(record, "service");
  if (env.services == nullptr)
    return {false, false, fmt::format("no service manager here to start {} with", service)};
  const kinds::ServiceState before = env.services->state(service);
  if (before.wanted_up && before.running)
    return {true, false, fmt::format("{} runs under its supervisor", service)};
  env.services->start(service);
  return {true, true, fmt::format("{} started, under its supervisor again", service)};
}

UndoResult undo_power_off(const json::object& record, kinds::HostEnv& env) {
  const std::string host = text_field(record, "host");
  if (env.power == nullptr)
    return {false, false, fmt::format("no power over hosts here to boot {} with", host)};
  if (env.power->is_on(host)) return {true, false, fmt::format("{} is on", host)};
  env.power->on(host);
  return {true, true, fmt::format("{} booted", host)};
}

}  // namespace

bool has_nft_table(const std::string& family, const std::string& table) {
  // A fresh context: its netlink socket belongs to the namespace that the caller is in now.
  return NftContext().has_table({family, table});
}

bool speaks_of_processes(const kinds::UndoRecord& record) {
  const json::value* op = record.if_contains("op");
  return op != nullptr && op->is_string() && op->as_string() == "continue-processes";
}

UndoResult execute_undo(const kinds::UndoRecord& record, kinds::HostEnv& env) {
  try {
    const std::string op = text_field(record, "op");
    if (op == "nft-owned-table") return undo_nft_table(record);
    if (op == "continue-processes") return undo_stop(record, env);
    if (op == "start-service") return undo_service(record, env);
    if (op == "power-on") return undo_power_off(record, env);
    return {false, false, fmt::format("unknown operation '{}' in an undo record", op)};
  } catch (const std::exception& e) {
    return {false, false, e.what()};
  }
}

}  // namespace nospof::agent
