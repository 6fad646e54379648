#include "probes/canary_config.hpp"

#include <algorithm>

#include "probes/config_keys.hpp"

namespace nospof::probes {

namespace {

constexpr std::size_t shortest_marker = 8;
constexpr std::size_t longest_marker = 200;
constexpr std::size_t mebibyte = std::size_t{1024} * 1024;

bool is_marker(const std::string& text) {
  return text.size() >= shortest_marker && text.size() <= longest_marker &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

CanaryConfig parse_canary_config(const boost::json::object& object) {
  using namespace std::chrono_literals;
  CanaryConfig config;
  ConfigKeys keys("plaintext-canary probe", object);
  config.marker = keys.required_text("marker");
  if (!is_marker(config.marker))
    keys.refuse("marker", boost::json::value(config.marker),
                "8 to 200 printable ASCII characters without spaces, with which the token of every "
                "request begins, so that nothing else is taken for it");
  config.quiet = keys.duration("quiet_ns", config.quiet, 100ms, 1h);
  config.ring_bytes =
      static_cast<std::size_t>(keys.integer("ring_mebibytes", 8, 1, 256)) * mebibyte;
  keys.refuse_unknown();
  return config;
}

}  // namespace nospof::probes
