#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/services.hpp"
#include "agent/undo_operations.hpp"
#include "system/cgroup.hpp"
#include "system/check.hpp"
#include "system/host_limits.hpp"

namespace nospof::agent {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

struct FileLimits {
  ProcessId id;
  rlimit before{};
  rlim_t lowered = 0;
};

std::vector<FileLimits> file_limits(const json::object& record) {
  std::vector<FileLimits> all;
  for (const json::value& entry : record.at("processes").as_array()) {
    const json::object& fields = entry.as_object();
    FileLimits one;
    one.id = {fields.at("pid").to_number<pid_t>(),
              fields.at("start_time").to_number<std::uint64_t>()};
    one.before = {fields.at("soft").to_number<rlim_t>(), fields.at("hard").to_number<rlim_t>()};
    one.lowered = fields.at("lowered").to_number<rlim_t>();
    all.push_back(one);
  }
  return all;
}

bool is_lowered(pid_t pid, const FileLimits& limits) {
  rlimit now{};
  return ::prlimit(pid, RLIMIT_NOFILE, nullptr, &now) == 0 && now.rlim_cur == limits.lowered &&
         now.rlim_cur != limits.before.rlim_cur && now.rlim_max == limits.before.rlim_max;
}

// False when the process is gone.
bool give_back(pid_t pid, const rlimit& before) {
  if (::prlimit(pid, RLIMIT_NOFILE, &before, nullptr) == 0) return true;
  if (errno == ESRCH) return false;
  throw SystemError(fmt::format("give process {} its limit of open files back", pid), errno);
}

std::string trimmed(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// To how many processes that have a lowered limit.
std::size_t give_back_in(const std::string& cgroup, const std::vector<FileLimits>& all) {
  std::size_t given_back = 0;
  for (const ProcessId& id : cgroup_processes(cgroup)) {
    const auto lowered =
        std::ranges::find_if(all, [&](const FileLimits& one) { return is_lowered(id.pid, one); });
    if (lowered != all.end() && give_back(id.pid, lowered->before)) ++given_back;
  }
  return given_back;
}

}  // namespace

UndoResult undo_file_limits(const json::object& record, kinds::HostEnv&) {
  const std::vector<FileLimits> all = file_limits(record);
  std::size_t given_back = 0;
  for (const FileLimits& one : all) {
    const auto state = read_process(one.id.pid);
    if (!state || state->id != one.id || !is_lowered(one.id.pid, one)) continue;
    given_back += give_back(one.id.pid, one.before) ? 1U : 0U;
  }
  // What was forked meanwhile inherited a limit of ours: it gets that of its parent. So does what
  // such a one forks until it is its turn, hence until there is none.
  if (const auto cgroup = optional_text_field(record, "cgroup"))
    while (const std::size_t more = give_back_in(*cgroup, all)) given_back += more;
  return {true, given_back > 0,
          given_back == 0 ? "no process had a lowered limit"
                          : fmt::format("{} processes have their limits back", given_back)};
}

UndoResult undo_control(const json::object& record, kinds::HostEnv&) {
  const std::string file = text_field(record, "file");
  const std::string old = text_field(record, "old");
  const std::string ours = text_field(record, "ours");
  if (!fs::exists(file)) return {true, false, fmt::format("{} is gone", file)};
  const std::string now = trimmed(read_file(file));
  if (now != ours)
    return {true, false,
            now == old ? fmt::format("{} holds {}", file, old)
                       : fmt::format("{} holds {}, which somebody else wrote", file, now)};
  write_control_file(file, old);
  return {true, true, fmt::format("{} holds {} again", file, old)};
}

UndoResult undo_group(const json::object& record, kinds::HostEnv&) {
  const std::string group = text_field(record, "group");
  const std::string into = text_field(record, "into");
  if (!fs::exists(group)) return {true, false, fmt::format("{} is gone", group)};
  const auto end = std::chrono::steady_clock::now() + 1s;
  do {
    for (const pid_t pid : cgroup_members(group)) {
      try {
        write_control_file(into + "/cgroup.procs", std::to_string(pid));
      } catch (const SystemError& e) {
        if (e.error_number() != ESRCH) throw;
      }
    }
    if (remove_cgroup(group, 10ms)) return {true, true, fmt::format("{} dissolved", group)};
  } while (std::chrono::steady_clock::now() < end);
  return {false, true, fmt::format("{} is still in use", group)};
}

UndoResult undo_cgroup(const json::object& record, kinds::HostEnv&) {
  const std::string folder = text_field(record, "cgroup");
  if (!fs::exists(folder)) return {true, false, fmt::format("{} is gone", folder)};
  kill_cgroup(folder);
  if (!remove_cgroup(folder, 2s))
    return {false, true, fmt::format("processes in {} do not die", folder)};
  return {true, true, fmt::format("{} removed", folder)};
}

}  // namespace nospof::agent
