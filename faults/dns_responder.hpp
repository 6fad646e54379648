#pragma once
// A resolver that misbehaves: answers that a name does not exist, holds queries back, or says
// nothing. What is not meant goes on to the real name server and back.

#include "faults/dns.hpp"
#include "system/fd.hpp"
#include "system/helper_process.hpp"

namespace nospof::faults {

/// What the responder counts.
inline constexpr std::size_t dns_denied = 0;    ///< answered with NXDOMAIN
inline constexpr std::size_t dns_withheld = 1;  ///< not answered
inline constexpr std::size_t dns_delayed = 2;   ///< held back, then sent on
inline constexpr std::size_t dns_relayed = 3;   ///< sent on at once

/// The mark of packets that go to the real servers.
inline constexpr std::uint32_t dns_relay_mark = 0x6e6f5350;

/// Two sockets on the loopback that stand for one name server.
struct DnsFront {
  std::string server;
  UniqueFd udp, tcp;
  int udp_port = 0, tcp_port = 0;
};
DnsFront open_dns_front(const std::string& server);

/// Answers until the process is killed.
void run_dns_responder(const DnsSettings& settings, const std::vector<DnsFront>& fronts,
                       const SharedCounters& counters);

}  // namespace nospof::faults
