#pragma once
// The icmp probe: echo requests to one IPv4 address at a set rate, each outcome a sample.
//
// Open-loop, as the https probe is. It says whether the host's network stack answers, which it also
// does for services that stand still. When an answer came is what the kernel noted on its arrival,
// so that a busy machine does not make answers late.
//
// clang-format off
// The JSON configuration; a key that is not listed is an error:
//   address        text, required  IPv4 address
//   payload_bytes  integer         of each request, 24 to 65,507; default 56
//   and those of pace.hpp: rate_per_second (required), ramp_to_per_second, ramp_over_ns, phase_ns,
//   timeout_ns (default 3 s), slow_ns (1 s), max_in_flight (1,000; at most 32,768), count
//
// How outcomes are told apart:
//   ok               detail 0
//   timeout          no answer came in time
//   unreachable      a router, or this host, says that there is no way; detail errno, EMSGSIZE
//                    when the request was too large for the way
//   connect-refused  the host's firewall says no with "port unreachable" (detail ECONNREFUSED)
//   wrong-body       the answer has another payload than the request
//   local-error      as in https.hpp
// clang-format on

#include <memory>

#include "kinds/probe.hpp"

namespace nospof::probes {

/// The kind, for registration in main.cpp. It belongs on the vantage host; its make() refuses lab
/// addresses outside of a lab's namespaces, and throws MissingCapability without both CAP_NET_RAW
/// and a place of the process's group within net.ipv4.ping_group_range.
std::unique_ptr<kinds::ProbeKind> make_icmp();

}  // namespace nospof::probes
