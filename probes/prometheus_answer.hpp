#pragma once
// Prometheus' HTTP API (prometheus.io/docs/prometheus/latest/querying/api), as far as instant
// queries need it. Pure.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "probes/http_url.hpp"

namespace nospof::probes {

struct PrometheusSeries {
  std::map<std::string, std::string> labels;
  double value = 0;  ///< may be NaN or infinite
  /// Empty when there is no such label.
  std::string label(const std::string& name) const;
};

/// Where a server's API begins: "https://host[:port][/path]" or "http://..", without a query or
/// placeholders. Throws Error that begins with "<whose>:".
HttpUrl parse_prometheus_url(std::string_view whose, std::string_view url);

/// The target of a GET: "/api/v1/query?query=..", to be put behind the server's own path.
std::string prometheus_query_target(std::string_view query);

/// What an instant query found; a scalar is one series without labels. Nothing when the body is no
/// successful answer with a vector or a scalar in it.
std::optional<std::vector<PrometheusSeries>> parse_prometheus_answer(std::string_view body);

/// A label's name, as Prometheus allows it.
bool is_label_name(std::string_view text);

}  // namespace nospof::probes
