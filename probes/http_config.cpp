#include "probes/http_config.hpp"

#include <algorithm>
#include <cctype>

#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace nospof::probes {

namespace {
/// What was verified is not relied on for longer.
constexpr Nanoseconds longest_trust = std::chrono::hours(1);
}  // namespace

void check_marker(const ConfigKeys& keys, const std::string& marker) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; };
  const bool sized = marker.size() >= 8 && marker.size() <= 32;
  if (marker.empty() || (sized && std::ranges::all_of(marker, fits))) return;
  keys.refuse("marker", boost::json::value(marker), "8 to 32 letters, digits and -");
}

HttpConfig parse_http_asking(ConfigKeys& keys, UrlSchemes schemes) {
  HttpConfig config;
  config.url = parse_http_url(keys.whose(), keys.required_text("url"), schemes);
  config.address = keys.text("address", "");
  config.url.port = static_cast<int>(keys.integer("port", config.url.port, 1, 65535));
  if (schemes != UrlSchemes::http) {
    config.authority_file = keys.text("authority_file", "");
    config.keep_verified_chains =
        keys.duration("verified_chains_for_ns", Nanoseconds(0), Nanoseconds(0), longest_trust);
    config.resume_sessions =
        keys.duration("resume_sessions_for_ns", Nanoseconds(0), Nanoseconds(0), longest_trust);
  }
  config.keep_alive = keys.choice("connection", {"fresh", "keep-alive"}) == "keep-alive";
  config.max_connections =
      static_cast<std::uint64_t>(keys.integer("max_connections", 0, 0, 1'000'000));
  if (config.max_connections != 0 && !config.keep_alive)
    keys.refuse("max_connections is for connection keep-alive");
  config.pace = parse_pace(keys);
  return config;
}

std::vector<spec::ParameterInfo> http_asking_parameters(UrlSchemes schemes) {
  using spec::ParameterType;
  std::vector<spec::ParameterInfo> parameters = pace_parameters();
  parameters.push_back(
      {"address", ParameterType::text, false, "", {}, "IP address for the URL's host"});
  parameters.push_back(
      {"port", ParameterType::integer, false, "", {}, "port to connect to instead of the URL's"});
  if (schemes != UrlSchemes::http) {
    parameters.push_back({"authority-file",
                          ParameterType::text,
                          false,
                          "",
                          {},
                          "PEM file of the authorities to trust"});
    parameters.push_back({"verified-chains-for",
                          ParameterType::duration,
                          false,
                          "0s",
                          {},
                          "for how long the signatures of a chain that was verified are not "
                          "verified again; 0: always"});
    parameters.push_back({"resume-sessions-for",
                          ParameterType::duration,
                          false,
                          "0s",
                          {},
                          "for how long after a full handshake its sessions are resumed; 0: "
                          "never"});
  }
  parameters.push_back({"connection",
                        ParameterType::text,
                        false,
                        "fresh",
                        {"fresh", "keep-alive"},
                        "a new connection for every request, or idle ones used again"});
  parameters.push_back({"max-connections",
                        ParameterType::integer,
                        false,
                        "0",
                        {},
                        "connections kept alive at a time, for which further requests wait; 0: "
                        "no limit"});
  return parameters;
}

HttpConfig parse_http_config(std::string_view probe, UrlSchemes schemes,
                             const boost::json::object& json) {
  ConfigKeys keys(fmt::format("{} probe", probe), json);
  HttpConfig config = parse_http_asking(keys, schemes);
  config.expect_status =
      static_cast<int>(keys.integer("expect_status", config.expect_status, 200, 599));
  config.expect_body = keys.text("expect_body", "");
  config.marker = keys.text("marker", "");
  check_marker(keys, config.marker);
  keys.refuse_unknown();
  return config;
}

std::vector<spec::ParameterInfo> http_parameters(UrlSchemes schemes) {
  using spec::ParameterType;
  std::vector<spec::ParameterInfo> parameters = http_asking_parameters(schemes);
  parameters.insert(
      parameters.begin(),
      {"url", ParameterType::text, true, "", {}, "what to get; {id} and {token} are replaced"});
  parameters.push_back(
      {"expect-status", ParameterType::integer, false, "200", {}, "HTTP status of a right answer"});
  parameters.push_back({"expect-body",
                        ParameterType::text,
                        false,
                        "",
                        {},
                        "text that a right answer contains; {id} and {token} are replaced"});
  parameters.push_back(
      {"marker",
       ParameterType::text,
       false,
       "",
       {},
       "at the head of every id and token, 8 to 32 characters; a random one if not given"});
  return parameters;
}

}  // namespace nospof::probes
