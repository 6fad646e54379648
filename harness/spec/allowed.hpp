#pragma once
// Whether the flows of a topology let somebody through.

#include <string>

#include "spec/topology.hpp"

namespace nospof::spec {

/// Whether some TCP flow lets a host reach another one; `port` 0 stands for any.
bool is_allowed(const Topology& topology, const std::string& from, const std::string& to, int port);

/// Whether some TCP flow lets a host reach a VIP (by its name, not only one of its owners).
bool is_vip_allowed(const Topology& topology, const std::string& from, const std::string& vip,
                    int port);

}  // namespace nospof::spec
