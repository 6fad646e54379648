#pragma once
// The configuration of the monitoring probe as a checked struct; monitoring.hpp documents its JSON.

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "probes/http_url.hpp"
#include "system/clock.hpp"

namespace nospof::probes {

struct MonitoringConfig {
  HttpUrl url;
  std::string address;         ///< empty: resolve the host
  std::string authority_file;  ///< empty: the system's
  Nanoseconds every = std::chrono::milliseconds(500);
  Nanoseconds timeout = std::chrono::seconds(2);
  std::vector<std::string> expect_hosts;
  std::string host_label = "host";
  std::string hosts_query = "up";
  Nanoseconds unmonitored_after = std::chrono::seconds(10);
};

/// Throws Error naming the key, what stood there and what is expected.
MonitoringConfig parse_monitoring_config(const boost::json::object& json);

}  // namespace nospof::probes
