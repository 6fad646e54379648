#include "probes/ledger_config.hpp"

#include <boost/json/value.hpp>

#include "probes/config_keys.hpp"
#include "probes/http_config.hpp"

namespace nospof::probes {

namespace {

using namespace std::chrono_literals;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

HttpUrl parse_write_url(ConfigKeys& keys) {
  const std::string text = keys.required_text("write_url");
  if (!has(text, "{id}") || !has(text, "{token}"))
    keys.refuse("write_url", boost::json::value(text), "a URL with {id} and {token} in it");
  return parse_http_url(keys.whose(), text, UrlSchemes::either);
}

HttpUrl parse_read_url(ConfigKeys& keys) {
  constexpr std::string_view ids = "{ids}";
  std::string text = keys.required_text("read_url");
  const std::size_t at = text.find(ids);
  if (at == std::string::npos || has(text.substr(at + 1), ids) || has(text, "{id}") ||
      has(text, "{token}"))
    keys.refuse("read_url", boost::json::value(text), "a URL with {ids} in it, once");
  text.replace(at, ids.size(), "{id}");
  return parse_http_url(keys.whose(), text, UrlSchemes::either);
}

}  // namespace

LedgerConfig parse_ledger_config(const boost::json::object& json) {
  LedgerConfig config;
  ConfigKeys keys("ledger probe", json);
  config.write_url = parse_write_url(keys);
  config.read_url = parse_read_url(keys);
  const HttpUrl& write = config.write_url;
  const HttpUrl& read = config.read_url;
  if (write.tls != read.tls || write.host != read.host || write.port != read.port)
    keys.refuse("read_url is not on the same server as write_url");
  config.address = keys.text("address", "");
  config.authority_file = keys.text("authority_file", "");
  if (!write.tls && !config.authority_file.empty())
    keys.refuse("authority_file is of no use for an http:// url");
  config.expect_status =
      static_cast<int>(keys.integer("expect_status", config.expect_status, 200, 599));
  config.marker = keys.text("marker", "");
  check_marker(keys, config.marker);
  config.sessions = static_cast<int>(keys.integer("sessions", config.sessions, 1, 64));
  config.every = keys.duration("every_ns", config.every, 1ms, 1h);
  config.timeout = keys.duration("timeout_ns", config.timeout, 1ms, 1min);
  config.audit_every = keys.duration("audit_every_ns", config.audit_every, 10ms, 1h);
  keys.refuse_unknown();
  return config;
}

}  // namespace nospof::probes
