#pragma once
// The monitoring probe: looks at what a Prometheus server's alerts say, and whether the server
// watches every host.
//
// A round asks which alerts fire, and every tenth one also which hosts have a series of
// `hosts_query`; every one does as long as one of `expect_hosts` is not decided. Rounds are due at
// start + k * every_ns; those that come due while one lasts are left out. Every question has a
// connection of its own, verified when it is TLS.
//
// clang-format off
// The JSON configuration; a key that is not listed is an error:
//   url                   text, required  "https://host[:port][/path]", or "http://..": the base of
//                                         the server's API
//   address               text            IP address for the host; absent: resolved by make()
//   authority_file        text            PEM certificates that may vouch; absent: the system's
//   every_ns              integer         between rounds; default 500 ms
//   timeout_ns            integer         for one question; default 2 s
//   expect_hosts          list of texts   each must have a series of hosts_query with its name
//   host_label            text            the label with that name; default "host"
//   hosts_query           text            PromQL, default "up"
//   unmonitored_after_ns  integer         a host may be without for so long, because a server that
//                                         has just begun has scraped nothing yet; default 10 s
//
// Findings:
//   what "alert": subject "<alertname> <host>"; the instance where there is no host label, and just
//     "<alertname>" without both; detail: its other labels. Told when it fires, and as `over` when
//     it no longer does.
//   what "unmonitored", a violation: subject "<host>". Told as `over` when it has a series again.
// clang-format on
//
// When they begin and end: at_ns is when the first answer that says so was there, since_ns when the
// last question was sent whose answer said otherwise (0: there was none), so that the moment lies
// in between. Several series with the same subject are one finding, from the first to the last.
//
// Each of `expect_hosts` is expected to be "monitored", in this order, and decided once it had a
// series or was told to be "unmonitored".
//
// A round counts each question and each series of its answer as `checked`. A question without a
// good answer (no connection, no valid certificate, not 200, no JSON of Prometheus, more than 1
// MiB, too late) is `undecided`, and nothing begins, ends or is missing because of it.

#include <memory>

#include "kinds/probe.hpp"

namespace nospof::probes {

/// The kind, for registration in main.cpp. Its make() resolves the host name and reads the
/// authority file, so it belongs on the vantage host; it refuses lab addresses outside of a lab's
/// namespaces.
std::unique_ptr<kinds::ProbeKind> make_monitoring();

}  // namespace nospof::probes
