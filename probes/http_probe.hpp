#pragma once
// The http and https probes, ready to run; https.hpp says what they do.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kinds/probe.hpp"
#include "probes/http_config.hpp"
#include "probes/outcomes.hpp"

namespace nospof::probes {

/// What is wrong with the body of an answer with the expected status; nothing: it is right.
using BodyCheck = std::function<std::optional<Failure>(const std::string& body)>;

/// Resolves the host and reads the authority file; throws Error when one of them cannot be had.
/// `check` is asked in addition to `expect_body`.
std::unique_ptr<kinds::Probe> make_http_probe(HttpConfig config, BodyCheck check = {});

/// "GET <target> HTTP/1.1" with its headers; `keep_alive`: the connection is to be used again.
std::string http_get_request(const HttpUrl& url, bool keep_alive);

}  // namespace nospof::probes
