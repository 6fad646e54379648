#pragma once
// Whose CLOCK_MONOTONIC a process reads.

#include <cstdint>
#include <string>

namespace nospof {

/// Two processes with the same identity read the very same clock: it is the one of a kernel since
/// its boot, as a time namespace shifts it (time_namespaces(7)).
struct ClockIdentity {
  std::string boot_id;               ///< of the kernel; empty: could not be read
  std::uint64_t time_namespace = 0;  ///< inode; 0: the kernel has no time namespaces

  /// Only what is known for certain.
  bool same_clock(const ClockIdentity& other) const {
    return !boot_id.empty() && boot_id == other.boot_id && time_namespace == other.time_namespace;
  }
};

/// The calling process's. Never throws: what cannot be read is unknown.
ClockIdentity own_clock();

}  // namespace nospof
