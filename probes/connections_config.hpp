#pragma once
// The configuration of the connections probe as checked structs; connections.hpp documents its
// JSON.

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "system/clock.hpp"

namespace nospof::probes {

/// A host or a floating address, by name, and a port.
struct Service {
  std::string on;
  int port = 0;
  friend auto operator<=>(const Service&, const Service&) = default;
};

struct ConnectionsConfig {
  std::string host;
  Nanoseconds every = std::chrono::seconds(1);
  Nanoseconds quiet = std::chrono::seconds(10);
  std::map<std::string, std::string> names;  ///< by address
  std::set<Service> listeners;
  std::map<Service, std::string> uses;  ///< the flow that allows each
};

/// Throws Error naming the entry, the key, what stood there and what is expected.
ConnectionsConfig parse_connections_config(const boost::json::object& json);

}  // namespace nospof::probes
