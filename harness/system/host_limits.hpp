#pragma once
// Control groups that bound what one host may use of this machine: a group of the host's own under
// each controller, in cgroup2 where it has the controller, else in the old hierarchies (cgroup v1).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace nospof {

/// What a host may use at most. Zero: no limit.
struct LimitValues {
  std::uint64_t memory_bytes = 0;
  std::uint64_t processes = 0;
  double cpus = 0;  ///< CPU seconds per second
};

/// Folders of a host's groups, one per controller; empty: the host has none.
struct LimitGroups {
  std::string cpu;
  std::string memory;
  std::string pids;
  std::vector<std::string> all() const;  ///< those that there are
};

/// What the kernel says of control groups: texts, so that it can be tested without them.
struct CgroupFacts {
  std::string mounts;       ///< /proc/self/mounts
  std::string membership;   ///< /proc/PID/cgroup of the one whose groups are meant
  std::string controllers;  ///< those of cgroup2 that the folder in question has, or will have
  /// Of this process and, for `controllers`, what the root of cgroup2 hands down.
  static CgroupFacts of_this_process();
};

/// Where a new host's groups would be, `folder` being its cgroup2 folder: the same path in every
/// hierarchy, below the caller's own group there, so that the limits on the caller go on to hold.
LimitGroups plan_limit_groups(const std::string& folder, const CgroupFacts& facts);

/// The groups that `facts.membership` (of a host's pid 1) lies in, as far as they are the host's
/// own: made by plan_limit_groups() for that folder.
LimitGroups find_limit_groups(const std::string& folder, const CgroupFacts& facts);

/// find_limit_groups() for the host whose pid namespace the caller is in. Nothing for an empty
/// `folder`.
LimitGroups own_limit_groups(const std::string& folder);

/// Only the groups that these limits need; one for processes always: it costs nothing, and a fault
/// can lower its limit.
LimitGroups needed_groups(LimitGroups groups, const LimitValues& limits);

/// Makes the groups and sets the limits, also where they exist already; what is below them goes.
/// Throws Error that says which limit this kernel can't keep.
void make_limit_groups(const LimitGroups& groups, const LimitValues& limits);

/// Moves a process (0: the caller) into all of them. In cgroup2 it is in by being in the host's.
void join_limit_groups(const LimitGroups& groups, pid_t pid);

/// Removes groups (and what is below) that hold nothing any more, and the folder above them when
/// that is empty then. Returns those that could not be removed.
std::vector<std::string> remove_limit_groups(const std::vector<std::string>& folders);

/// Whether a folder belongs to cgroup2.
bool is_cgroup2(const std::string& folder);

/// Reads and writes the one number of a controller, by its meaning; -1: no limit.
std::int64_t process_limit(const std::string& pids_folder);
std::int64_t process_count(const std::string& pids_folder);
std::int64_t memory_limit(const std::string& memory_folder);
std::int64_t memory_usage(const std::string& memory_folder);
std::int64_t memory_oom_kills(const std::string& memory_folder);

/// CPU time for everything in that group: `cpus` CPU seconds per second.
void set_cpu_quota(const std::string& cpu_folder, double cpus);

/// Writes a file of a control group in place.
void write_control_file(const std::string& file, std::string_view text);

}  // namespace nospof
