#pragma once
// How a host boots: what its pid 1 does before it becomes tini, and how the keeper follows it.

#include <chrono>
#include <string>

#include "lab/recipe.hpp"
#include "system/fd.hpp"
#include "system/netlink.hpp"
#include "system/process.hpp"

namespace nospof::lab {

/// A host between the birth of its pid 1 and the start of its supervisor.
struct BootingHost {
  Child init;
  UniqueFd report;  ///< ends without a word when the supervisor runs; else it carries the error
};

/// Makes the host's namespaces and its pid 1, which dies with the calling thread, and wires its
/// eth0 to the switch `bridge` of `net`. Returns while the host is still booting. The caller has
/// one thread. Throws Error/SystemError; nothing of the host is left then.
BootingHost start_boot(const LabRecipe& lab, const HostRecipe& host, Netlink& net,
                       const std::string& bridge);

}  // namespace nospof::lab
