#include "lab/host_mounts.hpp"

#include <array>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/cgroup.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/host_limits.hpp"

namespace nospof::lab {

namespace fs = std::filesystem;

namespace {

struct OwnFolder {
  const char* path;
  const char* options;
};
constexpr std::array<OwnFolder, 5> own_folders{{{"/run", "mode=755,size=64m"},
                                                {"/tmp", "mode=1777,size=512m"},
                                                {"/var/tmp", "mode=1777,size=512m"},
                                                {"/var/log", "mode=755,size=64m"},
                                                {"/dev/shm", "mode=1777,size=512m"}}};

void mount_at(const char* type, const std::string& target, unsigned long flags,
              const char* options) {
  check(fmt::format("mount {} on {}", type, target),
        ::mount(type, target.c_str(), type, flags, options));
}

// A copy of a mount (with those below it) that is attached nowhere yet.
UniqueFd detached(const std::string& path) {
  return UniqueFd(check(
      "open_tree " + path,
      ::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
}

void attach(const UniqueFd& tree, const std::string& path) {
  check("mount over " + path,
        ::move_mount(tree.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH));
}

void set_read_only(const std::string& path, bool read_only, unsigned flags) {
  mount_attr attributes{};
  (read_only ? attributes.attr_set : attributes.attr_clr) = MOUNT_ATTR_RDONLY;
  check(fmt::format("make {} {}", path, read_only ? "read-only" : "writable"),
        ::mount_setattr(AT_FDCWD, path.c_str(), flags, &attributes, sizeof attributes));
}

// Where a mount can go: the folders above exist in a tmpfs of the host or on the machine.
void make_mount_point(const std::string& path, bool folder) {
  if (fs::exists(path)) return;
  fs::create_directories(folder ? fs::path(path) : fs::path(path).parent_path());
  if (!folder) open_file(path, O_WRONLY | O_CREAT, 0755);
}

// sysfs shows the network namespace of the one who mounts it; the cgroups below it must stay.
void mount_sys() {
  const std::string cgroup2 = cgroup2_mount();
  const bool below = cgroup2.starts_with("/sys/");
  const std::string cgroups = below ? "/sys/fs/cgroup" : cgroup2;
  const UniqueFd kept = detached(cgroups);
  mount_at("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, nullptr);
  if (below) attach(kept, cgroups);
  set_read_only(cgroup2, false, 0);
}

// Without name servers. Where it is a link into /run, the machine's file is hidden already.
void empty_resolver() {
  std::error_code none;
  const fs::path target = fs::weakly_canonical("/etc/resolv.conf", none);
  if (none || target.empty()) return;
  if (!hidden_by(target.string()).empty()) {
    make_mount_point(target.string(), false);
    return;
  }
  if (!fs::exists(target)) return;
  const std::string empty = "/run/resolv.conf";
  open_file(empty, O_WRONLY | O_CREAT, 0644);
  attach(detached(empty), target.string());
}

}  // namespace

std::string hidden_by(const std::string& path) {
  for (const OwnFolder& folder : own_folders)
    if (path.starts_with(std::string(folder.path) + "/")) return folder.path;
  return {};
}

void mount_data(const std::string& folder, std::uint64_t bytes) {
  fs::create_directories(folder);
  mount_at("tmpfs", folder, MS_NOSUID | MS_NODEV, fmt::format("mode=755,size={}", bytes).c_str());
}

void unmount_data(const std::string& folder) {
  if (::umount2(folder.c_str(), MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
    check("unmount " + folder, -1);
}

void mount_host(const HostMounts& mounts) {
  check("make all mounts private", ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
  const UniqueFd lab = detached(mounts.lab_folder);
  const UniqueFd hosts_file = detached(mounts.hosts_file);
  std::vector<std::pair<std::string, UniqueFd>> groups;
  for (const std::string& folder : mounts.control_groups)
    if (!is_cgroup2(folder)) groups.emplace_back(folder, detached(folder));
  UniqueFd program;
  if (!mounts.program.empty() && !hidden_by(mounts.program).empty() && fs::exists(mounts.program))
    program = detached(mounts.program);
  // First everything of the machine, then what the host has for itself on top of it.
  set_read_only("/", true, AT_RECURSIVE);
  mount_at("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  mount_sys();
  for (const auto& [folder, tree] : groups) attach(tree, folder);
  for (const OwnFolder& folder : own_folders)
    if (fs::is_directory(folder.path))
      mount_at("tmpfs", folder.path, MS_NOSUID | MS_NODEV, folder.options);
  make_mount_point(mounts.lab_folder, true);
  attach(lab, mounts.lab_folder);
  if (fs::is_directory(mounts.hidden_folder))
    mount_at("tmpfs", mounts.hidden_folder, MS_NOSUID | MS_NODEV | MS_RDONLY, "mode=700,size=4k");
  if (program) {
    make_mount_point(mounts.program, false);
    attach(program, mounts.program);
  }
  attach(hosts_file, "/etc/hosts");
  empty_resolver();
  fs::create_directories("/run/lock");
  check("chmod /run/lock", ::chmod("/run/lock", 01777));
}

}  // namespace nospof::lab
