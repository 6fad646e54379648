#include "system/host_limits.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "system/cgroup.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof {

namespace fs = std::filesystem;

namespace {

constexpr int period_us = 100'000;
// Without a limit cgroup v1 says the largest number of whole pages.
constexpr std::int64_t practically_unlimited = 1LL << 60U;

bool has_word(std::string_view list, std::string_view word, char separator) {
  while (!list.empty()) {
    const std::size_t end = list.find(separator);
    std::string_view item = list.substr(0, end);
    while (!item.empty() && item.back() == '\n') item.remove_suffix(1);
    if (item == word) return true;
    list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
  }
  return false;
}

// Where a v1 hierarchy with that controller is mounted; empty: nowhere.
std::string v1_mount(const std::string& mounts, const std::string& controller) {
  std::istringstream lines(mounts);
  std::string device;
  std::string path;
  std::string type;
  std::string options;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    if ((words >> device >> path >> type >> options) && type == "cgroup" &&
        has_word(options, controller, ','))
      return path;
  }
  return {};
}

// Path of the group within a v1 hierarchy: "4:memory:/a/b" -> "/a/b"; empty for its root.
std::string v1_path(const std::string& membership, const std::string& controller) {
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string_view names = std::string_view(line).substr(first + 1, second - first - 1);
    if (!has_word(names, controller, ',')) continue;
    std::string path = line.substr(second + 1);
    return path == "/" ? std::string() : path;
  }
  return {};
}

// "/nospof/lab/host" of "<where cgroup2 is mounted>/nospof/lab/host".
std::string relative_path(const std::string& folder, const CgroupFacts& facts) {
  const std::string mount = find_cgroup2_mount(facts.mounts);
  if (mount.empty() || !folder.starts_with(mount + "/"))
    throw Error(fmt::format("{} is no folder of a cgroup2 that is mounted here", folder));
  return folder.substr(mount.size());
}

template <typename Find>
LimitGroups each_controller(Find find) {
  return {find("cpu"), find("memory"), find("pids")};
}

std::int64_t number_in(const std::string& file) {
  const std::string text = read_file(file);
  if (text.starts_with("max")) return -1;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) throw Error(fmt::format("{} holds no number: {}", file, text));
  return value >= practically_unlimited ? -1 : value;
}

std::string text_limit(std::uint64_t value, bool unified) {
  if (value != 0) return std::to_string(value);
  return unified ? "max" : "-1";
}

// cgroup2: a controller has to be handed down from folder to folder. The machine's own root is not
// ours to change: there the controller is, or it is not.
void hand_down(const std::string& folder, const std::string& controller) {
  const std::string mount = cgroup2_mount();
  std::vector<std::string> above;
  for (std::string at = fs::path(folder).parent_path(); at != mount && at.starts_with(mount);
       at = fs::path(at).parent_path())
    above.push_back(at);
  for (auto at = above.rbegin(); at != above.rend(); ++at)
    write_control_file(*at + "/cgroup.subtree_control", "+" + controller);
}

void make_group(const std::string& folder, const std::string& controller) {
  if (folder.empty()) return;
  try {
    if (is_cgroup2(fs::path(folder).parent_path())) {
      create_cgroup(folder);
      hand_down(folder, controller);
    } else {
      remove_cgroup(folder, std::chrono::milliseconds(100));
      create_cgroup(folder);
    }
  } catch (const std::exception& e) {
    throw Error(fmt::format("no group of its own for '{}': {}", controller, e.what()));
  }
}

}  // namespace

std::vector<std::string> LimitGroups::all() const {
  std::vector<std::string> folders;
  for (const std::string& folder : {cpu, memory, pids})
    if (!folder.empty() && std::find(folders.begin(), folders.end(), folder) == folders.end())
      folders.push_back(folder);
  return folders;
}

CgroupFacts CgroupFacts::of_this_process() {
  CgroupFacts facts{read_file("/proc/self/mounts"), read_file("/proc/self/cgroup"), {}};
  const std::string mount = find_cgroup2_mount(facts.mounts);
  if (!mount.empty()) facts.controllers = read_file(mount + "/cgroup.subtree_control");
  return facts;
}

LimitGroups plan_limit_groups(const std::string& folder, const CgroupFacts& facts) {
  const std::string relative = relative_path(folder, facts);
  return each_controller([&](const std::string& controller) {
    if (has_word(facts.controllers, controller, ' ')) return folder;
    const std::string mount = v1_mount(facts.mounts, controller);
    return mount.empty() ? std::string() : mount + v1_path(facts.membership, controller) + relative;
  });
}

LimitGroups find_limit_groups(const std::string& folder, const CgroupFacts& facts) {
  const std::string relative = relative_path(folder, facts);
  return each_controller([&](const std::string& controller) {
    if (has_word(facts.controllers, controller, ' ')) return folder;
    const std::string mount = v1_mount(facts.mounts, controller);
    const std::string path = v1_path(facts.membership, controller);
    return mount.empty() || !path.ends_with(relative) ? std::string() : mount + path;
  });
}

LimitGroups own_limit_groups(const std::string& folder) {
  if (folder.empty()) return {};
  CgroupFacts facts{read_file("/proc/self/mounts"), read_file("/proc/1/cgroup"), {}};
  if (fs::exists(folder + "/cgroup.controllers"))
    facts.controllers = read_file(folder + "/cgroup.controllers");
  return find_limit_groups(folder, facts);
}

LimitGroups needed_groups(LimitGroups groups, const LimitValues& limits) {
  const auto check_there = [](std::string& folder, bool needed, const char* controller) {
    if (needed && folder.empty())
      throw Error(
          fmt::format("a limit needs the cgroup controller '{}', which this kernel has not "
                      "mounted; mount it or leave the limit out",
                      controller));
    if (!needed) folder.clear();
  };
  check_there(groups.cpu, limits.cpus > 0, "cpu");
  check_there(groups.memory, limits.memory_bytes > 0, "memory");
  if (limits.processes > 0) check_there(groups.pids, true, "pids");
  return groups;
}

void make_limit_groups(const LimitGroups& groups, const LimitValues& limits) {
  make_group(groups.cpu, "cpu");
  make_group(groups.memory, "memory");
  make_group(groups.pids, "pids");
  if (!groups.cpu.empty()) set_cpu_quota(groups.cpu, limits.cpus);
  if (!groups.memory.empty()) {
    const bool unified = is_cgroup2(groups.memory);
    write_control_file(groups.memory + (unified ? "/memory.max" : "/memory.limit_in_bytes"),
                       text_limit(limits.memory_bytes, unified));
  }
  if (!groups.pids.empty())
    write_control_file(groups.pids + "/pids.max", text_limit(limits.processes, true));
}

void join_limit_groups(const LimitGroups& groups, pid_t pid) {
  for (const std::string& folder : groups.all())
    if (!is_cgroup2(folder)) write_control_file(folder + "/cgroup.procs", std::to_string(pid));
}

std::vector<std::string> remove_limit_groups(const std::vector<std::string>& folders) {
  std::vector<std::string> left;
  for (const std::string& folder : folders) {
    if (!remove_cgroup(folder, std::chrono::seconds(2))) left.push_back(folder);
    // Others may have groups beside it: then it stays.
    ::rmdir(fs::path(folder).parent_path().c_str());
  }
  return left;
}

bool is_cgroup2(const std::string& folder) {
  return fs::exists(folder + "/cgroup.controllers");
}

std::int64_t process_limit(const std::string& pids_folder) {
  return number_in(pids_folder + "/pids.max");
}

std::int64_t process_count(const std::string& pids_folder) {
  return number_in(pids_folder + "/pids.current");
}

std::int64_t memory_limit(const std::string& memory_folder) {
  return number_in(memory_folder +
                   (is_cgroup2(memory_folder) ? "/memory.max" : "/memory.limit_in_bytes"));
}

std::int64_t memory_usage(const std::string& memory_folder) {
  return number_in(memory_folder +
                   (is_cgroup2(memory_folder) ? "/memory.current" : "/memory.usage_in_bytes"));
}

std::int64_t memory_oom_kills(const std::string& memory_folder) {
  const std::string text = read_file(
      memory_folder + (is_cgroup2(memory_folder) ? "/memory.events" : "/memory.oom_control"));
  const std::size_t at = text.find("oom_kill ");
  return at == std::string::npos ? 0 : std::stoll(text.substr(at + 9));
}

void set_cpu_quota(const std::string& cpu_folder, double cpus) {
  // The kernel takes no quota below 1 ms.
  const auto quota = std::max<std::int64_t>(static_cast<std::int64_t>(cpus * period_us), 1000);
  if (is_cgroup2(cpu_folder)) {
    write_control_file(cpu_folder + "/cpu.max",
                       cpus > 0 ? fmt::format("{} {}", quota, period_us) : "max");
    return;
  }
  write_control_file(cpu_folder + "/cpu.cfs_period_us", std::to_string(period_us));
  write_control_file(cpu_folder + "/cpu.cfs_quota_us", cpus > 0 ? std::to_string(quota) : "-1");
}

void write_control_file(const std::string& file, std::string_view text) {
  const UniqueFd fd = open_file(file, O_WRONLY);
  write_all(fd.get(), text, file);
}

}  // namespace nospof
