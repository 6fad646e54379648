#pragma once
// The guard that everything which connects calls first.

#include <string_view>

#include "system/lab_network.hpp"

namespace nospof {

/// Throws Error when `address` (numeric) lies in 198.18.0.0/15 but the calling thread's network
/// namespace has no address of its own there: from the machine's own namespace the packets would
/// leave by its default route. Throws Error when `address` is no IP address.
inline void require_reachable(std::string_view address) {
  require_lab_namespace_for(address);
}

}  // namespace nospof
