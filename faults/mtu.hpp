#pragma once
// mtu: a path-MTU black hole. Packets larger than some size vanish, small ones pass, and no ICMP
// message says so.

#include <memory>
#include <string>
#include <vector>

#include "kinds/fault.hpp"
#include "system/arp.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_mtu();

/// The values of one host.
struct MtuHole {
  int size = 0;  ///< bytes of the largest IP packet that passes
  bool in = true;
  bool out = true;
  std::vector<std::string> addresses;  ///< IPv4 addresses of the other side; empty: everybody
};

/// Commands that add the table with flag `owner`; pure.
std::string mtu_rules(const MtuHole& hole, const std::string& table,
                      const std::vector<NetworkDevice>& devices);

}  // namespace nospof::faults
