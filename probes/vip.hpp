#pragma once
// The vip probe: who has a floating address. It has two views, one for each vantage point: "own",
// on a host that may have the address, reads whether it is on one of this host's devices; "link",
// on a host of the same link, a client for instance, asks the link by ARP and counts who answers.
//
// Neither of them judges: what two owners mean, and for how long there may be none, depends on who
// was cut off from whom.
//
// clang-format off
// The JSON configuration; a key that is not listed is an error:
//   address    text, required   the floating address, IPv4: "198.18.0.100"
//   view       text, required   "own" or "link"
//   period_ns  integer          from one look to the next; 1 ms to 60 s; default 20 ms for "own",
//                               100 ms for "link"
// clang-format on
//
// Findings; `subject` is always the address, `violation` always false:
//   holds       (own) this host has the address; `detail` has the devices
//   owner       (link) one MAC address answers, it is the `detail`; another one is told as the end
//               of the former and a new finding
//   no-owner    (link) nobody answered within a period
//   two-owners  (link) two or more MAC addresses answered the same request; `detail` has them
// Of those of "link" exactly one is true at a time.
//
// at_ns is the end of the look that saw the change, since_ns the beginning of the last one that saw
// it was not so yet: the change lies in between. since_ns is 0 for what the first look saw already.
//
// "own": besides looking every period the probe is told of changes by the kernel, and then looks at
// once; an address that came and went between two looks is seen, too. It may be on any device, up
// or down.
//
// "link": the requests change no ARP table, neither of other hosts nor this one's
// (system/arp_probe.hpp): a client that believes in the wrong owner goes on to do so. They go below
// IP, past firewalls. An answer that takes longer than the period counts as none. A host that
// answers on two devices of the same link looks like two owners. While the link to ask on is down,
// there is nothing to see: those looks are undecided and end no finding.
//
// Rounds, once a second or, if that is longer, once a period: `checked` counts the looks.

#include <memory>

#include "kinds/probe.hpp"

namespace nospof::probes {

/// The kind, for registration in main.cpp. Its make() refuses lab addresses outside of a lab's
/// namespaces, and with the view "link" throws MissingCapability without CAP_NET_RAW. run() must be
/// called in the same network namespace.
std::unique_ptr<kinds::ProbeKind> make_vip();

}  // namespace nospof::probes
