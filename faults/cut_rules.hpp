#pragma once
// The rules of a partition, as the messages that put them in force.

#include <string>
#include <vector>

#include "faults/cut.hpp"
#include "system/arp.hpp"
#include "system/netfilter.hpp"

namespace nospof::faults {

/// Adds the table with flag `owner` and one chain per device and direction. `peers` may be empty
/// only for `everybody`. Chains are named in_<device index> and out_<device index>.
NetfilterMessages cut_rules(const Cut& cut, const std::string& table,
                            const std::vector<NetworkDevice>& devices);

}  // namespace nospof::faults
