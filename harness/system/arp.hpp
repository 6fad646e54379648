#pragma once
// Asking the link itself, below IP: what the host's own firewall for IP does not see.

#include <string>
#include <vector>

namespace nospof {

/// A network device of the calling thread's network namespace.
struct NetworkDevice {
  std::string name;
  int index = 0;
};
/// All devices but the loopback, by index. Throws SystemError.
std::vector<NetworkDevice> devices_but_loopback();

/// Broadcasts one ARP request for an IPv4 address on the Ethernet link whose subnet it lies in,
/// with the address of that device as the sender: the frame that the kernel itself sends before the
/// first packet to a neighbour. Returns false when the address is on no link of this namespace that
/// is up; it then has not sent anything. Never waits for an answer.
bool send_arp_request(const std::string& address);

}  // namespace nospof
