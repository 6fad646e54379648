#pragma once
// Routes of a fault's own, which lead nowhere, and what the kernel answers when it is asked for a
// way.

#include <string>
#include <vector>

namespace nospof {

/// Routes of this program carry this protocol number (rtnetlink's rtm_protocol; in nobody's list).
inline constexpr int own_route_protocol = 219;

enum class DeadEnd { blackhole, unreachable, prohibit };
/// "blackhole", ...; throws Error on anything else.
DeadEnd dead_end_of(const std::string& name);
const char* name_of(DeadEnd type);

/// One IPv4 route of ours in the main table: tried before any other to the same prefix.
struct DeadRoute {
  std::string prefix;  ///< "198.18.0.12/32"
  DeadEnd type = DeadEnd::blackhole;
  friend bool operator==(const DeadRoute&, const DeadRoute&) = default;
};

/// "198.18.0.12" -> "198.18.0.12/32"; bits beyond the prefix are refused. Throws Error.
std::string checked_prefix(const std::string& text);

/// Adds it in front of other routes to that prefix. Throws Error when it is there already.
void add_dead_route(const DeadRoute& route);
/// Deletes exactly that route. Returns false when there is none.
bool delete_dead_route(const DeadRoute& route);
/// Those of this program that there are.
std::vector<DeadRoute> dead_routes();

/// What the kernel answers to a packet of this host's own for that IPv4 address: 0 when it has a
/// way, else its errno (EINVAL for a blackhole, EHOSTUNREACH, EACCES).
int route_errno(const std::string& address);
/// The errno that route_errno() gives for an address behind such a route.
int errno_of(DeadEnd type);

/// All routes of the namespace in every table, as the kernel lists them, without those of this
/// program and without counters: equal texts mean equal routes.
std::vector<std::string> other_routes();

}  // namespace nospof
