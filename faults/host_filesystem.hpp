#pragma once
// The file system that a fault may load or fill: one of the host's own.

#include <cstdint>
#include <string>

#include "kinds/fault.hpp"
#include "system/fd.hpp"

namespace nospof::faults {

struct Space {
  std::uint64_t size = 0;
  std::uint64_t free = 0;  ///< for everybody, without what is kept back for root
};

Space space_of(const std::string& folder);
/// "12.3 MiB"
std::string human_size(std::uint64_t bytes);

/// `given`, or the host's data folder when it is empty. Throws Error naming the fault when there is
/// none, when it is no writable folder, when its file system makes no files without a name (then
/// nobody would free the space of a fault that died), or when it is not the host's own but the
/// machine's below a lab.
std::string own_folder(const std::string& kind, const std::string& given,
                       const kinds::HostEnv& env);

/// Throws Error when `bytes` more in this folder would be taken from memory that the machine does
/// not have to spare (tmpfs).
void require_memory_behind(const std::string& kind, const std::string& folder, std::uint64_t bytes);

/// Memory that this machine could give without swapping, as /proc/meminfo estimates it.
std::uint64_t available_memory();

/// A file without a name: the kernel frees its space when the last descriptor goes.
UniqueFd nameless_file(const std::string& folder);

}  // namespace nospof::faults
