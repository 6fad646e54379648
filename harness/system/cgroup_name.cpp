#include "system/cgroup_name.hpp"

#include <array>
#include <climits>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "system/cgroup.hpp"
#include "system/fd.hpp"

namespace nospof {

namespace {

// The kernel's enum fid_type has it (include/linux/exportfs.h), which is no header for programs:
// the handle is the id, as ss(8) uses it too.
constexpr int fileid_kernfs = 0xfe;

std::string mount_of_cgroup2() {
  try {
    return cgroup2_mount();
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace

std::string cgroup_name(std::uint64_t id) {
  const std::string mount = mount_of_cgroup2();
  if (id == 0 || mount.empty()) return {};
  const UniqueFd root(::open(mount.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return {};
  const auto room = std::make_unique<char[]>(sizeof(file_handle) + sizeof id);
  auto* handle = new (room.get()) file_handle{};
  handle->handle_bytes = sizeof id;
  handle->handle_type = fileid_kernfs;
  std::memcpy(handle->f_handle, &id, sizeof id);
  const UniqueFd folder(::open_by_handle_at(root.get(), handle, O_PATH | O_CLOEXEC));
  if (!folder) return {};
  std::array<char, PATH_MAX> path{};
  const std::string link = fmt::format("/proc/self/fd/{}", folder.get());
  if (::readlink(link.c_str(), path.data(), path.size() - 1) <= 0) return {};
  const std::string found = path.data();
  return found.starts_with(mount + "/") ? found.substr(mount.size() + 1) : std::string();
}

}  // namespace nospof
