#pragma once
// The tcp probe: connections to one port at a set rate, each outcome a sample.
//
// Open-loop, as the https probe is. Every connection is new, and is closed once it is judged,
// without a byte sent. Without `expect` it is right as soon as it is open; the kernel opens it also
// for a server that stands still, so ask for a greeting where the server has one.
//
// clang-format off
// The JSON configuration; a key that is not listed is an error:
//   host     text, required     address, or a name that is resolved once, by make()
//   port     integer, required
//   expect   text               must be contained in the first 4 KiB that the server sends
//   and those of pace.hpp: rate_per_second (required), ramp_to_per_second, ramp_over_ns, phase_ns,
//   timeout_ns (default 3 s), slow_ns (1 s), max_in_flight (20,000), count
//
// How outcomes are told apart:
//   ok               detail 0
//   connect-refused, connect-timeout, unreachable  before the connection was open; detail errno, or
//                    0 for the probe's own deadline
//   reset            reset (detail errno), or ended before it said anything (detail 0)
//   timeout          open, and nothing came in time
//   wrong-body       what came, up to its end, its limit or the deadline, does not contain `expect`
//   local-error      as in https.hpp
// clang-format on

#include <memory>

#include "kinds/probe.hpp"

namespace nospof::probes {

/// The kind, for registration in main.cpp. Its make() resolves the host, so it belongs on the
/// vantage host; it refuses lab addresses outside of a lab's namespaces.
std::unique_ptr<kinds::ProbeKind> make_tcp();

}  // namespace nospof::probes
