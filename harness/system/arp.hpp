#pragma once
// Asking the link itself, below IP: what the host's own firewall for IP does not see.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <linux/if_packet.h>
#include <netinet/in.h>

#include "system/fd.hpp"

namespace nospof {

/// A network device of the calling thread's network namespace.
struct NetworkDevice {
  std::string name;
  int index = 0;
};
/// All devices but the loopback, by index. Throws SystemError.
std::vector<NetworkDevice> devices_but_loopback();

/// An Ethernet device that is up and whose subnet holds an address.
struct EthernetLink {
  std::string device;
  in_addr address{};       ///< ours on it
  sockaddr_ll hardware{};  ///< index, type and hardware address
};
/// Nothing when the address is on no link of this namespace.
std::optional<EthernetLink> link_towards(in_addr peer);

using MacAddress = std::array<std::uint8_t, 6>;
std::string text_of(const MacAddress& mac);  ///< "02:00:c6:12:00:0b"
MacAddress mac_of(const EthernetLink& link);

/// Who answers for an IPv4 address on the link that it lies on: asks, and waits for the first
/// answer at most that long. Nothing when nobody does, or it is on no link.
std::optional<MacAddress> who_has(const std::string& address, std::chrono::milliseconds at_most);

/// Tells everybody on the link that `address` is at `mac`: once as an ARP request and once as a
/// reply, since hosts differ in which of them they believe. Returns false when it is on no link.
bool announce_address(const std::string& address, const MacAddress& mac);

/// Broadcasts one ARP request for an IPv4 address on the Ethernet link whose subnet it lies in,
/// with the address of that device as the sender: the frame that the kernel itself sends before the
/// first packet to a neighbour. Returns false when the address is on no link of this namespace that
/// is up; it then has not sent anything. Never waits for an answer.
bool send_arp_request(const std::string& address);

}  // namespace nospof
