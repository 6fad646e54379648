#pragma once
// The configuration of the tls-path probe as checked structs; tls_path.hpp documents its JSON.

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "system/clock.hpp"

namespace nospof::probes {

struct TlsPathTarget {
  std::string subject;  ///< "<name>: <from> -> <where>:<port>"
  std::string address;
  int port = 0;
  std::string starttls;
  std::string identity;
  std::string authority_file;
  std::vector<std::string> expect_keys;    ///< 64 lower-case hex digits each
  std::string certificate_file, key_file;  ///< empty: no own certificate
  bool client_certificate = false;         ///< the server must demand one
  bool ask_http = true;                    ///< the server speaks HTTP
  Nanoseconds valid_for = std::chrono::hours(168);
  std::string min_protocol = "TLSv1.2";
};

struct TlsPathConfig {
  Nanoseconds every = std::chrono::seconds(2);
  std::vector<TlsPathTarget> targets;
};

/// Throws Error naming the target, the key, what stood there and what is expected.
TlsPathConfig parse_tls_path_config(const boost::json::object& json);

}  // namespace nospof::probes
