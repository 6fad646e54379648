#pragma once
// The http probe: GET requests at a set rate without TLS, each outcome a sample.
//
// It is the https probe (https.hpp) with "http://" URLs, and without authority_file and the tls-*
// outcomes. Without TLS nothing tells an answer that was cut off from a whole one: a body without a
// stated length ends where the stream does, so let expect_body ask for what stands at its end. One
// that ended before its stated length is a reset (detail 0).

#include <memory>

#include "kinds/probe.hpp"

namespace nospof::probes {

/// The kind, for registration in main.cpp. Its make() resolves the host name, so it belongs on the
/// vantage host; it refuses lab addresses outside of a lab's namespaces.
std::unique_ptr<kinds::ProbeKind> make_http();

}  // namespace nospof::probes
