#pragma once
// What a partition does on one host: the values, and the nftables text made from them.

#include <string>
#include <string_view>
#include <vector>

#include "system/arp.hpp"

namespace nospof::faults {

/// A host on the other side, as seen on the link.
struct Peer {
  std::string address;  ///< IPv4, dotted
  std::string mac;      ///< empty: unknown
};

/// Directions are those of one host's own traffic.
struct Cut {
  bool in = true;
  bool out = true;
  bool everybody = false;   ///< true: all traffic, whoever it is from; false: that of the peers
  std::vector<Peer> peers;  ///< for `everybody`: whom to ask in order to see that it bites
};

inline constexpr std::string_view cut_family = "netdev";
/// Tables of this program begin with it.
inline constexpr std::string_view cut_table_prefix = "nospof_";
/// Before every other chain, whatever it accepts; the smallest number there is.
inline constexpr long long cut_priority = -2147483648LL;

/// Names what the fault can't use: an address that is none, a MAC that is none. Throws Error.
void check_peer(const Peer& peer);

/// Commands that add the table with flag `owner` and one chain per device and direction. `peers`
/// may be empty only for `everybody`. Chains are named in_<device index> and out_<device index>.
/// Throws Error when a device's name can't be quoted.
std::string cut_rules(const Cut& cut, const std::string& table,
                      const std::vector<NetworkDevice>& devices);

/// A listing of rules without the tables that this program made: what a host's own rules look like,
/// whatever faults are in force.
std::string without_own_tables(std::string_view listing);

}  // namespace nospof::faults
