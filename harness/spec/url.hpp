#pragma once
// The part of URLs that a workload needs. Internal to spec.

#include <optional>
#include <string>
#include <string_view>

namespace nospof::spec {

struct HttpsUrl {
  std::string host;
  int port = 443;
};

/// "https://HOST[:PORT][/PATH]" of printable ASCII; nothing for anything else.
std::optional<HttpsUrl> parse_https_url(std::string_view url);

/// The first placeholder in braces other than {id} and {token}, or a brace without its partner;
/// empty: none.
std::string unknown_placeholder(std::string_view text);

}  // namespace nospof::spec
