#include "probes/monitoring_config.hpp"

#include <algorithm>

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "probes/config_keys.hpp"
#include "probes/prometheus_answer.hpp"

namespace nospof::probes {

namespace {
constexpr std::int64_t millisecond_ns = 1'000'000;
constexpr std::int64_t hour_ns = 3'600'000'000'000;
}  // namespace

MonitoringConfig parse_monitoring_config(const boost::json::object& json) {
  MonitoringConfig config;
  ConfigKeys keys("monitoring probe", json);
  const std::string url = keys.required_text("url");
  config.url = parse_prometheus_url(keys.whose(), url);
  config.address = keys.text("address", "");
  config.authority_file = keys.text("authority_file", "");
  if (!config.url.tls && !config.authority_file.empty())
    keys.refuse("authority_file is of no use for an http:// url");
  config.every =
      Nanoseconds(keys.integer("every_ns", config.every.count(), 10 * millisecond_ns, hour_ns));
  config.timeout =
      Nanoseconds(keys.integer("timeout_ns", config.timeout.count(), millisecond_ns, hour_ns));
  config.expect_hosts = keys.texts("expect_hosts");
  for (const std::string& host : config.expect_hosts)
    if (host.empty()) keys.refuse("expect_hosts has an empty name");
  for (auto host = config.expect_hosts.begin(); host != config.expect_hosts.end(); ++host)
    if (std::find(config.expect_hosts.begin(), host, *host) != host)
      keys.refuse(fmt::format("expect_hosts names {} twice", *host));
  config.host_label = keys.text("host_label", config.host_label);
  if (!is_label_name(config.host_label))
    keys.refuse("host_label", boost::json::value(config.host_label), "the name of a label");
  if (keys.has("hosts_query")) config.hosts_query = keys.required_text("hosts_query");
  config.unmonitored_after = Nanoseconds(
      keys.integer("unmonitored_after_ns", config.unmonitored_after.count(), 0, hour_ns));
  keys.refuse_unknown();
  return config;
}

}  // namespace nospof::probes
