#pragma once
// URLs of probes that speak HTTP.

#include <string>
#include <string_view>

namespace nospof::probes {

enum class UrlSchemes { https, http, either };

struct HttpUrl {
  bool tls = true;
  std::string host;       ///< without the brackets of an IPv6 address
  std::string authority;  ///< the Host header
  std::string target;     ///< path and query, "/" at least
  int port = 443;
};

/// "http[s]://host[:port]/path?query"; {id} and {token} may stand in path and query. Throws Error
/// that begins with "<whose>:" and names what is wrong.
HttpUrl parse_http_url(std::string_view whose, std::string_view url, UrlSchemes schemes);

/// All but letters, digits and "-._~" as %XX (RFC 3986 2.3).
std::string percent_encoded(std::string_view text);

}  // namespace nospof::probes
