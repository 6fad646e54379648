#pragma once
// The prometheus probe: an instant query at a set rate, whose value is compared; each outcome a
// sample.
//
// It asks as the https probe does (https.hpp): same connections, same verification, same outcomes
// for whatever goes wrong on the way.
//
// clang-format off
// The JSON configuration; a key that is not listed is an error:
//   url             text, required  "https://host[:port][/path]", or "http://..": the base of the
//                                   server's API
//   query           text, required  PromQL
//   expect          text, required  what the value must be: "<= 3", "== 1", "between 2 and 5"
//   series          text            "all" (default): every one of them; "first": the first one
//   address, port, authority_file, connection, and the keys of pace.hpp, as in https.hpp
//
// How outcomes are told apart, beyond https.hpp:
//   ok              detail 200
//   http-status     the server refuses the query or cannot answer it; detail is the status
//   http-malformed  an answer with status 200 that is none of Prometheus' (detail EBADMSG)
//   no-data         the query found no series
//   wrong-body      a value is not as expected; NaN never is
// clang-format on

#include <memory>

#include "kinds/probe.hpp"

namespace nospof::probes {

/// The kind, for registration in main.cpp. Its make() resolves the host name and reads the
/// authority file, so it belongs on the vantage host; it refuses lab addresses outside of a lab's
/// namespaces.
std::unique_ptr<kinds::ProbeKind> make_prometheus();

}  // namespace nospof::probes
