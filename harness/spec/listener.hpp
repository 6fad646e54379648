#pragma once
// Who listens where in a topology.

#include <string>

#include "spec/topology.hpp"

namespace nospof::spec {

/// The service of the host that listens there ("3306/tcp"), or nullptr; also for an unknown host.
const Service* listener(const Topology& topology, const std::string& host,
                        const std::string& listens);

}  // namespace nospof::spec
