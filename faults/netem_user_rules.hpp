#pragma once
// The nftables table that sends packets to the emulator: native expressions narrow, the xtables
// target NFQUEUE (kept by kernels that lack nftables' own queue statement) takes them out.

#include <cstdint>
#include <string>

#include "faults/netem_scope.hpp"
#include "system/netfilter.hpp"

namespace nospof::faults {

inline constexpr const char* netem_family = "inet";

struct NetemRules {
  std::string table;
  NetemScope scope;
  std::uint16_t queue = 0;
  /// Packets from sockets of this group pass: the emulator's own duplicates. 0: there are none.
  std::uint32_t own_group = 0;
  bool only_ipv4 = false;
  /// Mark of the copies that are held in place of TCP segments of this host's own sockets; 0: the
  /// segments themselves are. (Segments that wait count for TCP's small queues: a connection would
  /// have no more than two of them on the way. A copy belongs to no socket.)
  std::uint32_t copy_mark = 0;
};

/// Adds the table with flag `owner`: it belongs to that socket. Its chains come before all others
/// at their hooks: of packets that come in before connection tracking, of packets that go out where
/// the host's own sockets send them and where it forwards. Packets on the loopback device pass.
/// With a copy mark there is a second table of that name, of family ip: behind all other chains it
/// makes a copy of each TCP segment, which comes back where packets are sent, with that mark, and
/// puts the segment itself into the queue, to be dropped.
void add_netem_table(NetfilterSocket& owner, const NetemRules& rules);
/// Takes the rules out of the chains but leaves the chains: removing those would make the kernel
/// drop what is queued.
void empty_netem_table(NetfilterSocket& owner, const NetemRules& rules);

}  // namespace nospof::faults
