#pragma once
// What the probe that looks at a host's connections is to know of the topology.

#include <boost/json/object.hpp>

#include "spec/topology.hpp"

namespace nospof::control {

/// The configuration of the connections probe on that host: who has which address, who is meant to
/// listen on what, and what the host may connect to, by flow ("app -> db:3306/tcp").
boost::json::object connections_config(const spec::Topology& topology, const spec::Host& host);

}  // namespace nospof::control
