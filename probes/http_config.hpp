#pragma once
// The configuration of the http and https probes as a checked struct; https.hpp documents its JSON.

#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "probes/config_keys.hpp"
#include "probes/http_url.hpp"
#include "probes/pace.hpp"
#include "spec/catalogue.hpp"

namespace nospof::probes {

struct HttpConfig {
  HttpUrl url;
  std::string address;         ///< empty: resolve the host
  std::string authority_file;  ///< empty: the system's
  Pace pace;
  bool keep_alive = false;
  std::uint64_t max_connections = 0;    ///< kept alive at a time; 0: no limit
  Nanoseconds keep_verified_chains{0};  ///< 0: every chain is verified
  Nanoseconds resume_sessions{0};       ///< 0: every handshake is a full one
  int expect_status = 200;
  std::string expect_body;
  std::string marker;  ///< in every request's names; empty: a random one
};

/// A marker stands in URLs and is looked for in packets; it may be empty. Throws Error.
void check_marker(const ConfigKeys& keys, const std::string& marker);

/// Where to ask and when: url, address, port, authority_file, connection and the keys of pace.hpp.
/// Throws Error naming the key, what stood there and what is expected.
HttpConfig parse_http_asking(ConfigKeys& keys, UrlSchemes schemes);
/// Those as parameters of a kind.
std::vector<spec::ParameterInfo> http_asking_parameters(UrlSchemes schemes);

/// All of it, for the probe "https" or "http".
HttpConfig parse_http_config(std::string_view probe, UrlSchemes schemes,
                             const boost::json::object& json);
std::vector<spec::ParameterInfo> http_parameters(UrlSchemes schemes);

}  // namespace nospof::probes
