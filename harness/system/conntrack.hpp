#pragma once
// The table of tracked connections of the calling thread's network namespace, through ctnetlink.

#include <cstdint>
#include <set>

namespace nospof {

/// What tells one entry from another that stands for the same connection later.
struct ConntrackEntry {
  std::uint32_t id = 0;
  bool assured = false;  ///< traffic was seen both ways for a while
  friend auto operator<=>(const ConntrackEntry&, const ConntrackEntry&) = default;
};

/// All entries. Throws SystemError when the kernel has no ctnetlink.
std::set<ConntrackEntry> conntrack_entries();

/// Deletes all entries of this namespace; established connections become unknown ones.
void flush_conntrack();

/// How many entries there may be; one number for the whole machine.
std::int64_t conntrack_max();

}  // namespace nospof
