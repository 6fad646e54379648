#pragma once
// How busy the whole machine is: its CPUs and its memory, whoever uses them.

#include <cstdint>
#include <optional>
#include <string_view>

namespace nospof {

/// CPU time of all CPUs since boot, in clock ticks, from the first line of /proc/stat (proc(5)).
struct CpuTimes {
  std::uint64_t busy = 0;
  /// Also while it waits for a disk, or does what gives way to others (nice, SCHED_IDLE).
  std::uint64_t idle = 0;
};

/// None when the text is not that of /proc/stat.
std::optional<CpuTimes> parse_cpu_times(std::string_view proc_stat);
/// Bytes that programs can still have (MemAvailable); none when the text is not /proc/meminfo's.
std::optional<std::uint64_t> parse_available_memory(std::string_view proc_meminfo);

/// Both are none on a machine that does not tell.
std::optional<CpuTimes> cpu_times();
std::optional<std::uint64_t> available_memory();

/// Share of the CPU time between two moments that was to be had, 0 to 1; none when no time passed.
std::optional<double> idle_share(const CpuTimes& from, const CpuTimes& to);

}  // namespace nospof
