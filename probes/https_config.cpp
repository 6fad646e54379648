#include "probes/https_config.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include <fmt/format.h>

#include "probes/config_keys.hpp"
#include "system/check.hpp"

namespace nospof::probes {

namespace json = boost::json;

namespace {

constexpr double rate_limit = 100'000;
constexpr std::int64_t timeout_limit_ns = 600'000'000'000;

bool is_placeholder(std::string_view text) {
  return text.starts_with("{id}") || text.starts_with("{token}");
}

// Bytes that would end the request line or header early, or stand for something else than
// themselves.
void check_printable(std::string_view text, std::string_view url) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool brace = c == '{' || c == '}';
    if (c <= ' ' || c > '~' || c == '#' || c == '"' ||
        (c == '{' && !is_placeholder(text.substr(i))))
      throw Error(fmt::format(
          "https probe: url '{}': '{}' cannot stand there; {}", url, c,
          brace ? "only {id} and {token} are placeholders" : "write it percent-encoded"));
  }
}

int parse_port(std::string_view text, std::string_view url) {
  int port = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, port);
  if (result.ec != std::errc{} || result.ptr != end || port < 1 || port > 65535)
    throw Error(fmt::format("https probe: url '{}': '{}' is no port (1 to 65535)", url, text));
  return port;
}

void parse_url(std::string_view url, HttpsConfig& config) {
  constexpr std::string_view scheme = "https://";
  if (!url.starts_with(scheme))
    throw Error(fmt::format("https probe: url '{}' does not begin with https://", url));
  std::string_view rest = url.substr(scheme.size());
  const std::size_t path = std::min(rest.find('/'), rest.find('?'));
  const std::string_view authority = rest.substr(0, path);
  rest.remove_prefix(authority.size());
  config.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  check_printable(config.target, url);
  check_printable(authority, url);

  std::string_view host = authority;
  std::string_view port;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos)
      throw Error(fmt::format("https probe: url '{}': ']' is missing", url));
    port = host.substr(end + 1);
    host = host.substr(1, end - 1);
  } else if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  if (host.empty() || host.find_first_of("{}@") != std::string_view::npos)
    throw Error(fmt::format("https probe: url '{}' has no plain host name", url));
  if (!port.empty() && !port.starts_with(':'))
    throw Error(fmt::format("https probe: url '{}': '{}' after the host", url, port));
  config.port = port.empty() ? 443 : parse_port(port.substr(1), url);
  config.host = host;
  config.authority = authority;
}

// Stands in URLs and is looked for in packets.
void check_marker(const ConfigKeys& keys, const std::string& marker) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; };
  const bool sized = marker.size() >= 8 && marker.size() <= 32;
  if (marker.empty() || (sized && std::ranges::all_of(marker, fits))) return;
  keys.refuse("marker", json::value(marker), "8 to 32 letters, digits and -");
}

}  // namespace

HttpsConfig parse_https_config(const json::object& object) {
  HttpsConfig config;
  ConfigKeys keys("https probe", object);
  const std::string url = keys.text("url", "");
  if (url.empty()) throw Error("https probe: url is missing");
  parse_url(url, config);
  config.address = keys.text("address", "");
  config.port = static_cast<int>(keys.integer("port", config.port, 1, 65535));
  config.authority_file = keys.text("authority_file", "");
  config.rate_per_second = keys.rate("rate_per_second", rate_limit);
  config.keep_alive = keys.choice("connection", {"fresh", "keep-alive"}) == "keep-alive";
  config.timeout =
      Nanoseconds(keys.integer("timeout_ns", config.timeout.count(), 1'000'000, timeout_limit_ns));
  const std::int64_t slow_default = std::min(config.slow, config.timeout).count();
  config.slow =
      Nanoseconds(keys.integer("slow_ns", slow_default, 1'000'000, config.timeout.count()));
  config.expect_status =
      static_cast<int>(keys.integer("expect_status", config.expect_status, 200, 599));
  config.expect_body = keys.text("expect_body", "");
  config.max_in_flight =
      static_cast<std::uint64_t>(keys.integer("max_in_flight", 20'000, 1, 1'000'000));
  config.count = static_cast<std::uint64_t>(keys.integer("count", 0, 0, std::int64_t{1} << 40U));
  config.marker = keys.text("marker", "");
  check_marker(keys, config.marker);
  keys.refuse_unknown();
  return config;
}

}  // namespace nospof::probes
