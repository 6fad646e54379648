#pragma once
// The tls-path probe: whether TLS really goes from this host to the end of each hop, look after
// look.
//
// Each round looks at all targets at once, at each of them with one connection after the other:
//   1. a handshake that offers everything, with the own certificate if there is one. Chain,
//      identity, validity, public key, protocol and cipher are judged.
//   2. with `client_certificate`: one without a certificate, which must be refused.
// And in every 10th round, the first one included, and in each round while the finding lasts; 2 to
// 4 also in the first rounds, and those after the server was away, until they have told something
// (5 times at most):
//   3. an offer of nothing but TLS below `min_protocol`, which must be refused;
//   4. TLS 1.2 at most, then a renegotiation, which must be refused;
//   5. with `ask_http`: look 1 asks for "/" and reads the answer to the end of the stream.
// A target whose protocol is not known, neither `ask_http` nor `starttls`, gets looks 2 to 4 in
// every 30th round only: there are servers that keep a descriptor of each handshake they refuse.
// A look that gets no certificate ends its target's round. A look takes 2 s at most.
//
// clang-format off
// The JSON configuration; a key that is not listed is an error:
//   from      text, required       name of this host, for the findings
//   every_ns  integer              from one round to the next; default 2 s
//   targets   list, required       1 to 500 of
//     name                text, required     name of the hop
//     address             text, required     IP address to connect to
//     port                integer, required
//     via_text            text               shown in place of the address
//     starttls            text               "" (default), "mysql" or "postgresql"
//     identity            text, required     name (or address) that must be in the certificate
//     authority_file      text, required     PEM certificates that may vouch
//     expect_keys         list of texts      SHA-256 (hex) of the allowed public keys
//                                            (SubjectPublicKeyInfo); empty: any
//     certificate_file    text               PEM, the own chain, with key_file; absent: none
//     key_file            text
//     client_certificate  boolean            the server must demand one; default false
//     ask_http            boolean            the server speaks HTTP: see 5 and below;
//                                            default true without starttls, which excludes it
//     valid_for_ns        integer            how long the whole chain must still be valid; default
//                                            7 days
//     min_protocol        text               "TLSv1.2" (default) or "TLSv1.3"
//
// Findings; the subject is "<name>: <from> -> <via_text or address>:<port>":
//   tls-untrusted        the chain does not lead to an authority of the file, or is not in order
//   tls-wrong-identity   the identity is not among the certificate's names
//   tls-expired          a certificate of the chain is expired or not valid yet
//   tls-expires-soon     one of them will be within `valid_for_ns`; no violation
//   tls-other-key        a public key that is not expected: somebody else ends TLS here
//   tls-weak-protocol    a handshake below `min_protocol` is taken
//   tls-weak-cipher      what the server chose has no forward secrecy or no AEAD
//   tls-no-client-certificate-demanded   see below
//   tls-renegotiation    the server renegotiates when the client asks for it
//   tls-truncated        an answer ended without close_notify; no violation
//   tls-absent           what answers there speaks no TLS
// clang-format on
//
// Undecided, and no finding: no connection, no answer in time, a connection that ends in the middle
// of the handshake, an alert. Whatever was told before stays as it was.
//
// What "demands a client's certificate" proves: without one, the handshake is refused, or the
// connection ends after it unanswered (in TLS 1.3 the refusal comes then). A server that asked for
// a certificate, goes on without one and is then asked for "/" may also answer 401, 403, 495, 496,
// or 400 with the word "certificate" (nginx). Without `ask_http` it is only known that the server
// asked for one: MariaDB and PostgreSQL refuse at the login, user by user, which is not tried here.
// A server that does not even ask, and is content, is the violation in every case.

#include <memory>

#include "kinds/probe.hpp"

namespace nospof::probes {

/// The kind, for registration in main.cpp. Its make() reads all files, so it belongs on the vantage
/// host; it refuses lab addresses outside of a lab's namespaces.
std::unique_ptr<kinds::ProbeKind> make_tls_path();

}  // namespace nospof::probes
