#pragma once
// What the kernel forgets about a link when it is set down, and putting it back: a snapshot as
// plain data that any process can restore from.

#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "system/raw_netlink.hpp"

namespace nospof {

/// One link with its addresses, permanent neighbours and routes, as the kernel's own messages.
/// Of routes those that an administrator or a DHCP client made, and connected ones; a routing
/// daemon, router advertisements and VRRP put theirs back themselves, and nobody else may.
struct LinkState {
  int index = 0;
  std::string name;
  bool up = false;       ///< as the administrator wants it
  bool running = false;  ///< it also has a carrier
  std::vector<NetlinkMessage> addresses;
  std::vector<NetlinkMessage> neighbours;
  std::vector<NetlinkMessage> routes;
};

/// In the calling thread's network namespace. Throws Error when there is no such link.
LinkState read_link_state(const std::string& name);

boost::json::object to_json(const LinkState& state);
/// Throws Error on anything else than what to_json() made.
LinkState link_state_from_json(const boost::json::object& object);

/// Whether a link has routes over nexthop objects (ip nexthop), which are not part of its state
/// here and would be lost.
bool has_nexthop_objects(const std::string& name);

/// Sets the link down; nothing else.
void set_link_down(const LinkState& link);

struct LinkRestored {
  bool link_there = false;  ///< false: a link of that index and name exists no more
  bool changed = false;
  std::vector<std::string> failed;  ///< what could not be put back, and why
};
/// Sets the link up if the snapshot says so and puts back what is missing; takes away a connected
/// route only if setting it up has made it and it was not there before. Twice is as good as once.
LinkRestored restore_link_state(const LinkState& state);

/// What of a snapshot is not there now, one text each; empty: all of it is.
std::vector<std::string> missing_of_link_state(const LinkState& state);

}  // namespace nospof
