#pragma once
// The configuration of the firewall probe as checked structs; firewall.hpp documents its JSON.

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "system/clock.hpp"

namespace nospof::probes {

struct FirewallTarget {
  std::string to;
  std::string address;
  int port = 0;
  bool allowed = false;
  bool listening = false;
};

struct FirewallConfig {
  std::string from;
  Nanoseconds every = std::chrono::seconds(1);
  Nanoseconds timeout = std::chrono::milliseconds(300);
  std::size_t max_in_flight = 512;
  std::vector<FirewallTarget> targets;
};

/// Throws Error naming the target, the key, what stood there and what is expected.
FirewallConfig parse_firewall_config(const boost::json::object& json);

}  // namespace nospof::probes
