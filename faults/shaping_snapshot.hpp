#pragma once
// What a host's qdiscs and filters are, without what faults of this program have put among them.

#include <map>
#include <string>
#include <vector>

#include "faults/shaping.hpp"

namespace nospof::faults {

/// Of the calling thread's network namespace.
std::vector<DeviceState> device_states(TrafficControl& control);

/// A line for each qdisc and filter, by device. Options are left out: they have counters in them,
/// and nobody's qdisc is ever changed.
struct TrafficSnapshot {
  struct Lines {
    bool ours = false;  ///< one of this program's faults is in it
    std::vector<std::string> text;
  };
  struct Device {
    Lines root;   ///< the tree at its root
    Lines hooks;  ///< clsact and the filters in it
  };
  std::map<std::string, Device> devices;
};

TrafficSnapshot traffic_snapshot(const std::vector<DeviceState>& devices);

/// The first difference in words; empty when there is none. What a fault of this program was or is
/// in at one of the two times can't be compared, and is passed over.
std::string first_difference(const TrafficSnapshot& before, const TrafficSnapshot& now);

/// Whether a filter was added by a fault of this program.
bool is_own_filter(const FilterInfo& filter);
/// The same for a root qdisc.
bool is_own_root(const QdiscInfo& qdisc);

}  // namespace nospof::faults
