#pragma once
// The plaintext-canary probe: looks for a text, which requests carry, in what really goes over the
// network devices of its host. It only listens. Where the text is seen, traffic is not encrypted.
//
// It captures on every device but loopback ones, both ways, also on those that appear or come up
// later; a device that goes down does not end it. It reads the payload of TCP and UDP over IPv4 and
// IPv6, in VLANs too, also of packets that IP cut in pieces, and finds the text where it is split
// over several packets of one flow.
//
// clang-format off
// The JSON configuration; a key that is not listed is an error:
//   marker          text, required   what to look for: 8 to 200 printable ASCII characters, no
//                                    spaces; the beginning of every request's token
//   quiet_ns        integer          a conversation in which it was not seen for so long is over;
//                                    100 ms to 1 h, default 5 s
//   ring_mebibytes  integer          memory for packets that wait to be read; 1 to 256, default 8
// clang-format on
//
// Findings, all of them violations:
//   plaintext  subject "198.18.0.21 -> 198.18.0.31:8443/tcp": the client, and the server with its
//              port (conversations.hpp says how they are told apart), for both directions and
//              however many connections. at_ns is when the first such packet passed; since_ns is
//              the same unless packets were dropped: then the last moment when none had been.
//              `detail` has the device, the packet's two ends, the time and an excerpt in which the
//              token itself is masked. It is over once none was seen for `quiet`: then since_ns is
//              when the last one passed, and `detail` says how many there were.
//
// Rounds, once a second: `checked` counts the packets with a payload, and those that the kernel had
// to drop; `undecided` the latter alone, and packets of which only a part was captured.
//
// It does not see a text that was compressed, or encoded otherwise than as it is.

#include <memory>

#include "kinds/probe.hpp"

namespace nospof::probes {

/// The kind, for registration in main.cpp. Its make() throws MissingCapability without CAP_NET_RAW.
/// It captures in the network namespace in which make() was called.
std::unique_ptr<kinds::ProbeKind> make_plaintext_canary();

}  // namespace nospof::probes
