#pragma once
// The firewall probe: whether exactly those ports can be connected to from this host that may be.
//
// Each round opens a TCP connection to every target, many at once, sends nothing, and ends those
// that open with RST, so that nothing lingers on either side. A target that does not answer within
// `timeout_ns` is silent. A round with n silent targets takes
// `timeout_ns` * n / `max_in_flight`, rounded up, at least; when that is more than `every_ns`,
// rounds follow each other without a pause.
//
// clang-format off
// The JSON configuration; a key that is not listed is an error:
//   from           text, required     name of this host
//   every_ns       integer            from one round to the next; default 1 s
//   timeout_ns     integer            default 300 ms
//   max_in_flight  integer            connections being opened at once; default 512
//   targets        list, required     1 to 4,000 of
//     to           text, required     name of the host that is connected to
//     address      text, required     its IP address
//     port         integer, required
//     allowed      boolean, required  a flow from here to there is meant to be
//     listening    boolean, required  a service is meant to listen there
//
// What is seen of a target:
//   open         the connection was made
//   refused      RST
//   rejected     an ICMP message says that a filter refused it: port unreachable, administratively
//                prohibited
//   silent       nothing came back in time
//   unreachable  no route, or ICMP host or network unreachable
//   local-error  nothing was sent: no descriptor, port or memory left here
//
// Findings; the subject is "<from> -> <to>:<port>/tcp":
//   open    it is not allowed, and is open; a violation
//   closed  it is allowed and listening, and is rejected, or silent while the same host answers on
//           another port; no violation
// Undecided is what tells nothing:
//   not allowed  unreachable, local-error; silent when nobody at all answers in that round: then
//                this host itself may be cut off
//   allowed      unreachable, local-error; silent when the same host answers nowhere (it may be
//                down) or when nobody listens there; refused where a service should listen
// clang-format on

#include <memory>

#include "kinds/probe.hpp"

namespace nospof::probes {

/// The kind, for registration in main.cpp. Its make() belongs on the vantage host; it refuses lab
/// addresses outside of a lab's namespaces.
std::unique_ptr<kinds::ProbeKind> make_firewall();

}  // namespace nospof::probes
