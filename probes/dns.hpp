#pragma once
// The dns probe: asks one server for the addresses of a name at a set rate, each outcome a sample.
//
// Open-loop, as the https probe is. Every query has a socket, and so a port, of its own and is sent
// once: a resolver that tries again would hide a query that was lost. An answer that was cut off is
// asked for again over TCP, with the first deadline.
//
// clang-format off
// The JSON configuration; a key that is not listed is an error:
//   server   text, required     IP address of the server
//   port     integer            default 53
//   name     text, required     what to ask for
//   type     text               "A" (default) or "AAAA"
//   expect   text               IP address that must be among the answer's; absent: any address
//   and those of pace.hpp: rate_per_second (required), ramp_to_per_second, ramp_over_ns, phase_ns,
//   timeout_ns (default 3 s), slow_ns (1 s), max_in_flight (2,000), count
//
// How outcomes are told apart:
//   ok               detail 0
//   dns              the server says that it cannot answer: detail is the response code (2
//                    SERVFAIL, 3 NXDOMAIN, 5 REFUSED, ...); 0: it knows no address of that type
//   wrong-body       the expected address is not among the answer's (detail 0), or it is no
//                    well-formed answer to this question (detail EBADMSG)
//   timeout          no answer in time, also one that was cut off and not to be had whole in time
//   connect-refused  nobody listens there (detail ECONNREFUSED), for UDP as for TCP
//   reset            the TCP connection was reset, or ended before the answer was whole (detail 0)
//   unreachable, local-error  as in https.hpp
// A datagram with another id is not looked at.
// clang-format on

#include <memory>

#include "kinds/probe.hpp"

namespace nospof::probes {

/// The kind, for registration in main.cpp. It belongs on the vantage host; its make() refuses lab
/// addresses outside of a lab's namespaces.
std::unique_ptr<kinds::ProbeKind> make_dns();

}  // namespace nospof::probes
