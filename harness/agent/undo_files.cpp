#include <chrono>
#include <csignal>
#include <thread>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "agent/undo_operations.hpp"
#include "kinds/reload.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/file_image.hpp"
#include "system/in_place_file.hpp"

namespace nospof::agent {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_bytes = 1U << 20U;
constexpr auto restart_deadline = 12s;
// A daemon that gets a signal before it is ready for it may end instead of reading its files.
constexpr auto settled_after = 300ms;
constexpr auto longest_command = 60'000ms;
constexpr std::size_t longest_output = 200;

/// One file of a record.
struct Kept {
  std::string path;
  std::string temporary;
  FileImage original;
  std::string placed;  ///< what the fault put there
  bool in_place = false;
};

std::int64_t number_field(const json::object& record, const char* name) {
  const json::value* value = record.if_contains(name);
  if (value == nullptr || !value->is_int64() || value->as_int64() < 0)
    throw Error(fmt::format("undo record without a number '{}'", name));
  return value->as_int64();
}

std::string bytes_field(const json::object& record, const char* name) {
  const json::value* value = record.if_contains(name);
  if (value == nullptr || !value->is_string())
    throw Error(fmt::format("undo record without '{}'", name));
  return from_hex(std::string_view(value->as_string()));
}

Kept kept_file(const json::value& entry) {
  if (!entry.is_object()) throw Error("undo record: 'files' must be a list of objects");
  const json::object& fields = entry.as_object();
  Kept kept;
  kept.path = text_field(fields, "path");
  kept.temporary = text_field(fields, "temporary");
  kept.original = {bytes_field(fields, "content"),
                   static_cast<mode_t>(number_field(fields, "mode")),
                   static_cast<uid_t>(number_field(fields, "uid")),
                   static_cast<gid_t>(number_field(fields, "gid"))};
  kept.placed = bytes_field(fields, "placed");
  const json::value* in_place = fields.if_contains("in_place");
  kept.in_place = in_place != nullptr && in_place->is_bool() && in_place->as_bool();
  return kept;
}

std::vector<Kept> kept_files(const json::object& record) {
  const json::value* files = record.if_contains("files");
  if (files == nullptr || !files->is_array()) throw Error("undo record without a list 'files'");
  std::vector<Kept> kept;
  for (const json::value& entry : files->as_array()) kept.push_back(kept_file(entry));
  return kept;
}

bool exists(const std::string& path) {
  return read_image(path, most_bytes).has_value();
}

bool is_as_placed(const Kept& kept) {
  const auto now = read_image(kept.path, most_bytes);
  return now && now->content == kept.placed && kept.placed != kept.original.content;
}

// Written in place, a file may have been left half written, by the fault or by an undo.
bool is_ours(const Kept& kept, const std::string& now) {
  const std::string& before = kept.original.content;
  if (now == kept.placed || now == before) return true;
  return kept.in_place &&
         (is_half_written(now, before, kept.placed) || is_half_written(now, kept.placed, before));
}

// What somebody else wrote meanwhile stays: it is neither ours to keep nor to take away.
void restore(const Kept& kept, std::size_t& restored, std::string& foreign) {
  const auto now = read_image(kept.path, most_bytes);
  if (now && *now == kept.original) return;
  if (now && !is_ours(kept, now->content)) {
    foreign += fmt::format("; {} was changed by somebody else and is left as it is", kept.path);
    return;
  }
  put_image(kept.path, kept.original, kept.temporary, kept.in_place);
  ++restored;
}

void restart(const kinds::Reload& reload, kinds::HostEnv& env, const std::string& service) {
  kinds::Restart again(*env.services, service, reload.signal_number, *env.clock);
  again.begin();
  const auto end = std::chrono::steady_clock::now() + restart_deadline;
  while (!again.advance()) {
    if (std::chrono::steady_clock::now() >= end)
      throw Error(fmt::format("{} does not end, not even by SIGKILL", service));
    std::this_thread::sleep_for(5ms);
  }
}

bool stays_up(const kinds::ServiceManager& services, const std::string& service) {
  const auto end = std::chrono::steady_clock::now() + settled_after;
  while (std::chrono::steady_clock::now() < end) {
    if (!services.state(service).running) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

// The service takes the files that are back, and runs whatever the bad ones did to it.
std::string take_files(const kinds::Reload& reload, kinds::HostEnv& env,
                       const std::string& service) {
  const kinds::ServiceState state = env.services->state(service);
  if (reload.how == kinds::Reload::How::restart && state.running) {
    restart(reload, env, service);
    return service + " restarted";
  }
  if (!state.running || !state.wanted_up) env.services->start(service);
  if (!state.running) return service + " started";
  const kinds::ReloadResult result = kinds::reload_service(reload, *env.services, service);
  if (!stays_up(*env.services, service)) {
    env.services->start(service);
    return service + " started";
  }
  if (!result.done) throw Error(result.detail);
  return result.detail;
}

}  // namespace

UndoResult undo_file_change(const json::object& record, kinds::HostEnv& env) {
  const std::string service = text_field(record, "service");
  const std::string marker = text_field(record, "marker");
  const std::vector<Kept> files = kept_files(record);
  const json::value* how = record.if_contains("reload");
  if (how == nullptr || !how->is_object()) throw Error("undo record without 'reload'");
  const kinds::Reload reload = kinds::reload_from_json(how->as_object());

  bool begun = exists(marker);
  for (const Kept& kept : files) {
    begun = begun || is_as_placed(kept);
    if (kept.temporary != kept.path) remove_file(kept.temporary);
  }
  if (!begun) return {true, false, fmt::format("no file of {} was changed", service)};
  if (env.services == nullptr)
    return {false, false, fmt::format("no service manager here to reload {} with", service)};

  std::size_t restored = 0;
  std::string foreign;
  for (const Kept& kept : files) restore(kept, restored, foreign);
  // The marker goes last: whoever is killed before is repeated, with the reload.
  const std::string taken = take_files(reload, env, service);
  remove_file(marker);
  return {true, true,
          fmt::format("{} of {} files put back; {}{}", restored, files.size(), taken, foreign)};
}

UndoResult undo_by_command(const json::object& record, kinds::HostEnv&) {
  SpawnOptions options;
  const json::value* words = record.if_contains("argv");
  if (words == nullptr || !words->is_array() || words->as_array().empty())
    throw Error("undo record without a list 'argv'");
  for (const json::value& word : words->as_array()) {
    if (!word.is_string()) throw Error("undo record: 'argv' must be a list of texts");
    options.argv.emplace_back(word.as_string());
  }
  const auto deadline = std::chrono::milliseconds(number_field(record, "timeout_ms"));
  options.directory = "/";
  options.parent_death_signal = SIGKILL;
  const CommandResult result = run_command(options, std::min(deadline, longest_command));
  const std::string said =
      (result.errors.empty() ? result.output : result.errors).substr(0, longest_output);
  if (result.timed_out)
    return {false, true,
            fmt::format("{} did not end within {} ms", options.argv.front(), deadline.count())};
  return {result.exit_code == 0, true,
          fmt::format("{} ended with {}{}{}", options.argv.front(), result.exit_code,
                      said.empty() ? "" : ": ", said)};
}

}  // namespace nospof::agent
