#include "faults/host_filesystem.hpp"

#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr std::uint64_t spare_memory = 256ULL << 20U;

dev_t device_of(const std::string& path) {
  struct stat info {};
  check("stat " + path, ::stat(path.c_str(), &info));
  return info.st_dev;
}

}  // namespace

Space space_of(const std::string& folder) {
  struct statvfs info {};
  check("statvfs " + folder, ::statvfs(folder.c_str(), &info));
  return {info.f_blocks * info.f_frsize, info.f_bavail * info.f_frsize};
}

std::string human_size(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20U));
}

std::string own_folder(const std::string& kind, const std::string& given,
                       const kinds::HostEnv& env) {
  const std::string& folder = given.empty() ? env.data_folder : given;
  if (folder.empty())
    throw Error(
        fmt::format("{}: it is not known where host '{}' keeps its data; give 'path', a "
                    "folder on the file system that is meant",
                    kind, env.host));
  if (!std::filesystem::is_directory(folder))
    throw Error(fmt::format("{}: {} is no folder on host '{}'", kind, folder, env.host));
  if (!env.data_folder.empty()) {
    const dev_t device = device_of(folder);
    const std::string above = std::filesystem::path(env.data_folder).parent_path();
    if (device == device_of("/") || device == device_of(above))
      throw Error(
          fmt::format("{}: {} lies on this machine's own disk, not on one of host '{}'; "
                      "its own are {}, /tmp, /var/tmp, /var/log, /run and /dev/shm",
                      kind, folder, env.host, env.data_folder));
  }
  try {
    nameless_file(folder);
  } catch (const SystemError& e) {
    throw Error(
        fmt::format("{}: host '{}' can't make a file without a name there ({}); without it "
                    "nobody would free the space when everything dies",
                    kind, env.host, e.what()));
  }
  return folder;
}

void require_memory_behind(const std::string& kind, const std::string& folder,
                           std::uint64_t bytes) {
  struct statfs info {};
  check("statfs " + folder, ::statfs(folder.c_str(), &info));
  if (info.f_type != TMPFS_MAGIC) return;
  const std::uint64_t available = available_memory();
  if (available < bytes + spare_memory)
    throw Error(
        fmt::format("{}: {} is kept in memory, and this machine has {} left, too little "
                    "for {} more; give the host a smaller 'limits.disk'",
                    kind, folder, human_size(available), human_size(bytes)));
}

std::uint64_t available_memory() {
  const std::string text = read_file("/proc/meminfo");
  constexpr std::string_view name = "MemAvailable:";
  const std::size_t at = text.find(name);
  if (at == std::string::npos) throw Error("/proc/meminfo does not tell what memory is available");
  return std::stoull(text.substr(at + name.size())) << 10U;
}

UniqueFd nameless_file(const std::string& folder) {
  return UniqueFd(check("make a file without a name in " + folder,
                        ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)));
}

}  // namespace nospof::faults
