#pragma once
// The configuration of the https probe as a checked struct; https.hpp documents its JSON.

#include <cstdint>
#include <string>

#include <boost/json/object.hpp>

#include "system/clock.hpp"

namespace nospof::probes {

struct HttpsConfig {
  std::string host;       ///< must be in the certificate; without the brackets of an IPv6 address
  std::string authority;  ///< the Host header
  std::string target;     ///< path and query, with placeholders
  std::string address;    ///< empty: resolve the host
  int port = 443;
  std::string authority_file;  ///< empty: the system's
  double rate_per_second = 0;
  bool keep_alive = false;
  Nanoseconds timeout = std::chrono::seconds(3);
  Nanoseconds slow = std::chrono::seconds(1);
  int expect_status = 200;
  std::string expect_body;
  std::uint64_t max_in_flight = 20'000;
  std::uint64_t count = 0;  ///< 0: no end
  std::string marker;       ///< in every request's names; empty: a random one
};

/// Throws Error naming the key, what stood there and what is expected.
HttpsConfig parse_https_config(const boost::json::object& json);

}  // namespace nospof::probes
