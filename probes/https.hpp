#pragma once
// The https probe: GET requests at a set rate over verified TLS, each outcome a sample.
//
// Open-loop: when request k is due follows from the start alone (pace.hpp), whatever became of
// those before it. Latency and the deadline count from that moment. A prober that was late sends at
// once, and the sample shows it.
//
// Every connection is verified: chain against the authority file, host name (or address) of the URL
// against the certificate; TLS 1.2 or newer with the ciphers that browsers offer; sessions are
// never resumed. With `fresh` every request has a connection of its own. With `keep-alive` idle
// ones are used again, the last used first; when none is idle another one is opened, unless there
// are max_connections of them: then a request waits for one, the latest first. Of those, one whose
// TCP connection is not open after half of slow_ns does not count: a SYN that was lost holds up
// only its own request. A request on a used connection is sent once more, on a fresh one and with
// its first deadline, only if the server had closed that connection before it received the request.
//
// clang-format off
// The JSON configuration; a key that is not listed is an error:
//   url              text, required    "https://host[:port]/path?query"; {id} and {token} may stand
//                                      in the path and query
//   address          text              IP address for the host; absent: resolved once, by make()
//   port             integer           port to connect to; absent: the URL's
//   authority_file   text              PEM certificates that may vouch; absent: the system's
//   verified_chains_for_ns  integer    for how long a chain that was verified need not be verified
//                                      again (verified_chains.hpp); default 0: always verified
//   resume_sessions_for_ns  integer    for how long after a full handshake its sessions are resumed
//                                      (tls_sessions.hpp); default 0: every handshake is a full one
//   connection       text              "fresh" (default) or "keep-alive"
//   max_connections  integer           of keep-alive, at a time; default 0: no limit
//   expect_status    integer           default 200
//   expect_body      text              must be contained in the body; {id}, {token} are replaced
//   and those of pace.hpp: rate_per_second (required), ramp_to_per_second, ramp_over_ns, phase_ns,
//   timeout_ns (default 3 s), slow_ns (1 s), max_in_flight (20,000), count
//
// {id} is unique among all requests of all runs, {token} is a fresh random text per request.
//
// How outcomes are told apart, beyond what kinds/sample.hpp says:
//   connect-timeout  the deadline passed before the connection was open (detail 0), or the kernel
//                    gave up (detail ETIMEDOUT)
//   timeout          the same later than that: in the TLS handshake or after it
//   reset            detail errno; 0 when the peer closed before the first byte of an answer, or
//                    with a close_notify before the answer was whole
//   tls-truncated    closed without close_notify after the first byte of an answer
//   tls-handshake    any other failure of TLS, also a fatal alert or a broken record after the
//                    handshake; detail is OpenSSL's reason code
//   http-malformed   detail 0; EMSGSIZE when the answer is larger than 1 MiB
//   wrong-body       detail is the status
//   local-error      detail errno; EBUSY when too many requests were in flight; ETIME when the
//                    prober was so late that the deadline had passed before it could send
// clang-format on

#include <memory>

#include "kinds/probe.hpp"

namespace nospof::probes {

/// The kind, for registration in main.cpp. Its make() resolves the host name and reads the
/// authority file, so it belongs on the vantage host; it refuses lab addresses outside of a lab's
/// namespaces.
std::unique_ptr<kinds::ProbeKind> make_https();

}  // namespace nospof::probes
