#pragma once
// Which cgroup2 an id of sock_diag stands for.

#include <cstdint>
#include <string>

namespace nospof {

/// Its path below the mount of cgroup2: "system.slice/ssh.service". Empty when it is the root, is
/// gone, or cannot be told (no cgroup2 is mounted, or the caller may not open files by handle).
std::string cgroup_name(std::uint64_t id);

}  // namespace nospof
