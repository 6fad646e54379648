#pragma once
// The connections probe, ready to run; connections.hpp says what it does.

#include <memory>

#include "kinds/probe.hpp"
#include "probes/connections_config.hpp"

namespace nospof::probes {

/// Throws SystemError where the kernel does not tell of connections.
std::unique_ptr<kinds::Probe> make_connections_probe(ConnectionsConfig config);

}  // namespace nospof::probes
