#include "system/cgroup.hpp"

#include <charconv>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof {

namespace fs = std::filesystem;

namespace {

// cgroup files are written in place: they can't be replaced.
void write_control(const std::string& file, std::string_view text) {
  const UniqueFd fd = open_file(file, O_WRONLY);
  write_all(fd.get(), text, file);
}

// The value of "name value" in cgroup.events; 0 when the cgroup is gone.
bool event_flag(const std::string& folder, std::string_view name) {
  std::string text;
  try {
    text = read_file(folder + "/cgroup.events");
  } catch (const SystemError& e) {
    if (e.error_number() == ENOENT || e.error_number() == ENODEV) return false;
    throw;
  }
  const std::size_t at = text.find(fmt::format("{} ", name));
  return at != std::string::npos && text[at + name.size() + 1] == '1';
}

void append_members(const std::string& folder, std::vector<pid_t>& members) {
  std::string text;
  try {
    text = read_file(folder + "/cgroup.procs");
  } catch (const SystemError& e) {
    if (e.error_number() == ENOENT || e.error_number() == ENODEV) return;
    throw;
  }
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    pid_t pid = 0;
    const auto [next, error] = std::from_chars(at, end, pid);
    if (error != std::errc()) break;
    if (pid != 0) members.push_back(pid);
    at = next + 1;
  }
}

std::vector<std::string> children_of(const std::string& folder) {
  std::vector<std::string> children;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.is_directory(error)) children.push_back(entry.path().string());
  return children;
}

bool remove_tree(const std::string& folder) {
  for (const std::string& child : children_of(folder))
    if (!remove_tree(child)) return false;
  if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) return true;
  if (errno == EBUSY || errno == ENOTEMPTY) return false;
  check("remove cgroup " + folder, -1);
  return false;
}

}  // namespace

std::string find_cgroup2_mount(std::string_view mounts) {
  while (!mounts.empty()) {
    const std::size_t end = mounts.find('\n');
    const std::string_view line = mounts.substr(0, end);
    const std::size_t first = line.find(' ');
    const std::size_t second = line.find(' ', first + 1);
    if (second != std::string_view::npos && line.substr(second + 1).starts_with("cgroup2 "))
      return std::string(line.substr(first + 1, second - first - 1));
    mounts = end == std::string_view::npos ? std::string_view{} : mounts.substr(end + 1);
  }
  return {};
}

std::string cgroup2_mount() {
  std::string found = find_cgroup2_mount(read_file("/proc/self/mounts"));
  if (found.empty())
    throw Error(
        "cgroup2 is not mounted on this machine; mount it: "
        "mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified");
  return found;
}

void create_cgroup(const std::string& folder) {
  // Somebody else may remove an empty parent between two steps: then start again.
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST) return;
    if (errno != ENOENT) check("create cgroup " + folder, -1);
    create_cgroup(fs::path(folder).parent_path().string());
  }
  throw Error(fmt::format("create cgroup {}: its parent vanishes again and again", folder));
}

std::vector<pid_t> cgroup_members(const std::string& folder, bool with_children) {
  std::vector<pid_t> members;
  append_members(folder, members);
  if (!with_children) return members;
  for (const std::string& child : children_of(folder)) {
    const std::vector<pid_t> below = cgroup_members(child, true);
    members.insert(members.end(), below.begin(), below.end());
  }
  return members;
}

bool is_cgroup_populated(const std::string& folder) {
  return event_flag(folder, "populated");
}

void kill_cgroup(const std::string& folder) {
  try {
    write_control(folder + "/cgroup.kill", "1");
  } catch (const SystemError& e) {
    if (e.error_number() != ENOENT && e.error_number() != ENODEV) throw;
    if (fs::exists(folder)) throw;  // a kernel without cgroup.kill (before 5.14)
  }
}

void freeze_cgroup(const std::string& folder, bool frozen) {
  write_control(folder + "/cgroup.freeze", frozen ? "1" : "0");
}

bool is_cgroup_frozen(const std::string& folder) {
  return event_flag(folder, "frozen");
}

std::int64_t cgroup_cpu_us(const std::string& folder) {
  const std::string text = read_file(folder + "/cpu.stat");
  constexpr std::string_view name = "usage_usec ";
  const std::size_t at = text.find(name);
  if (at == std::string::npos) throw Error(fmt::format("{}/cpu.stat tells no CPU time", folder));
  return std::stoll(text.substr(at + name.size()));
}

bool remove_cgroup(const std::string& folder, std::chrono::milliseconds at_most) {
  const auto end = std::chrono::steady_clock::now() + at_most;
  while (!remove_tree(folder)) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace nospof
