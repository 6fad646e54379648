#pragma once
// Which packets a fault of the network acts on.

#include <string>
#include <string_view>
#include <vector>

#include "faults/owned_table.hpp"
#include "faults/parameters.hpp"
#include "system/arp.hpp"

namespace nospof::faults {

/// A host on the other side, as seen on the link.
struct Peer {
  std::string address;  ///< IPv4, dotted
  std::string mac;      ///< empty: unknown
};

/// Ports of TCP and UDP, both ends included.
struct PortRange {
  int first = 0;
  int last = 0;
};

/// Directions are those of one host's own traffic.
struct Cut {
  bool in = true;
  bool out = true;
  bool everybody = false;   ///< true: all traffic, whoever it is from; false: that of the peers
  std::vector<Peer> peers;  ///< for `everybody`: whom to ask in order to see that it bites
  std::string protocol = "any";       ///< any, tcp, udp, icmp
  std::vector<PortRange> ports = {};  ///< empty: all; otherwise either end's port is one of them

  bool narrow() const { return protocol != "any" || !ports.empty(); }
};

inline constexpr std::string_view cut_family = "netdev";

/// Names what the fault can't use: an address that is none, a MAC that is none. Throws Error.
void check_peer(const std::string& kind, const Peer& peer);

/// "443" or "8000-8010". Throws Error that names the kind.
PortRange parse_port_range(const std::string& kind, const std::string& text);
/// The same for a list; ports need a protocol that has some.
std::vector<PortRange> parse_ports(const std::string& kind, const std::string& protocol,
                                   const std::vector<std::string>& texts);

/// The parameters "direction", "everybody", "peers", "protocol" and "ports" of a placement.
Cut read_cut(const std::string& kind, PlacementReader& reader);
/// The same values, written.
json::object cut_json(const std::string& direction, bool everybody,
                      const std::vector<const kinds::StackHost*>& peers,
                      const std::string& protocol = "any",
                      const std::vector<std::string>& ports = {});

/// Beginnings of rules, each of which a packet of the flow may match. `on_link`: the chain is one
/// of family netdev, where also hardware addresses can be told. Never ARP.
std::vector<std::string> flow_matches(const Cut& cut, bool in, bool on_link);

/// The head of a chain of family netdev at one device, before every other one.
std::string link_chain(const std::string& kind, const NetworkDevice& device, bool in);

/// Makes packets that rules for this cut must stop, or whose answers they must stop: to peers
/// number `first` and the two after it. No service notices them.
void provoke(const Cut& cut, std::size_t first);

}  // namespace nospof::faults
