#pragma once
// Control groups (cgroup2): groups of processes that can be found, frozen and killed as one.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace nospof {

/// Where cgroup2 is mounted, read from the text of /proc/self/mounts: the first mount of that type.
/// Empty when there is none. Pure.
std::string find_cgroup2_mount(std::string_view mounts);

/// Where cgroup2 is mounted on this machine. Throws Error that says what to do when it is not.
std::string cgroup2_mount();

/// Makes the folder and the ones above it, below the mount. Nothing happens when it is there.
void create_cgroup(const std::string& folder);

/// The processes in this cgroup and, if asked, in all below, as the caller's pid namespace numbers
/// them (invisible ones are left out). Empty when there is no such cgroup.
std::vector<pid_t> cgroup_members(const std::string& folder, bool with_children = true);

/// Whether any process lives in it or below (zombies do not count). False when there is none such.
bool is_cgroup_populated(const std::string& folder);

/// SIGKILL to everything in it and below, also to what is being forked meanwhile. Does not wait.
void kill_cgroup(const std::string& folder);

/// Freezes or thaws everything in it and below. Does not wait.
void freeze_cgroup(const std::string& folder, bool frozen);

/// Whether everything in it and below stands still.
bool is_cgroup_frozen(const std::string& folder);

/// CPU time of everything that is or was in it and below, in microseconds.
std::int64_t cgroup_cpu_us(const std::string& folder);

/// Removes an empty cgroup and all (empty) ones below; waits at most that long for the processes
/// that are dying. Returns whether it is gone; throws SystemError on anything else than "busy".
bool remove_cgroup(const std::string& folder, std::chrono::milliseconds at_most);

}  // namespace nospof
