#pragma once
// The allowed flows of a topology: each host's nftables ruleset, and the same rules as a function.

#include <string>

#include "spec/topology.hpp"

namespace nospof::lab {

/// Name of the table (family inet) that holds a host's own firewall.
inline constexpr const char* firewall_table = "nospof_host";

/// The host's ruleset for `nft -f`: input, output and forward drop what no flow allows. Loading it
/// again replaces exactly this table in one transaction. Pure.
std::string firewall_ruleset(const spec::Topology& topology, const std::string& host);

/// Whether the topology allows `from` (a host) to open a connection to `to` (a host, by its own
/// address, or a VIP). A host may always reach itself. `port` is ignored for icmp (echo) and vrrp.
/// Pure.
bool is_flow_allowed(const spec::Topology& topology, const std::string& from, const std::string& to,
                     spec::Protocol protocol, int port);

}  // namespace nospof::lab
