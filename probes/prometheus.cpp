#include "probes/prometheus.hpp"

#include <algorithm>
#include <cerrno>

#include "probes/http_probe.hpp"
#include "probes/probe_kind.hpp"
#include "probes/prometheus_answer.hpp"
#include "spec/tolerance.hpp"
#include "system/check.hpp"

namespace nospof::probes {

namespace {

using kinds::Outcome;

spec::Tolerance parse_expect(ConfigKeys& keys) {
  try {
    return spec::parse_number_tolerance(keys.required_text("expect"));
  } catch (const Error& e) {
    keys.refuse(std::string("expect: ") + e.what());
  }
}

std::optional<Failure> check_values(const std::string& body, const spec::Tolerance& expect,
                                    bool first_only) {
  auto series = parse_prometheus_answer(body);
  if (!series) return Failure{Outcome::http_malformed, EBADMSG};
  if (series->empty()) return Failure{Outcome::no_data, 0};
  if (first_only) series->resize(1);
  const bool right = std::ranges::all_of(
      *series, [&](const PrometheusSeries& one) { return expect.holds(one.value); });
  if (right) return std::nullopt;
  return Failure{Outcome::wrong_body, 0};
}

std::unique_ptr<kinds::Probe> make_probe(const kinds::json::object& json) {
  ConfigKeys keys("prometheus probe", json);
  const std::string query = keys.required_text("query");
  const spec::Tolerance expect = parse_expect(keys);
  const bool first_only = keys.choice("series", {"all", "first"}) == "first";
  HttpConfig config = parse_http_asking(keys, UrlSchemes::either);
  keys.refuse_unknown();
  const int port = config.url.port;
  config.url = parse_prometheus_url(keys.whose(), keys.required_text("url"));
  config.url.port = port;
  if (config.url.target.ends_with('/')) config.url.target.pop_back();
  config.url.target += prometheus_query_target(query);
  return make_http_probe(std::move(config), [expect, first_only](const std::string& body) {
    return check_values(body, expect, first_only);
  });
}

}  // namespace

std::unique_ptr<kinds::ProbeKind> make_prometheus() {
  using spec::ParameterType;
  spec::KindInfo info;
  info.name = "prometheus";
  info.summary = "an instant query of a Prometheus server at a set rate, its value compared";
  info.parameters = http_asking_parameters(UrlSchemes::either);
  info.parameters.push_back({"url", ParameterType::text, true, "", {}, "base of the server's API"});
  info.parameters.push_back({"query", ParameterType::text, true, "", {}, "PromQL"});
  info.parameters.push_back(
      {"expect", ParameterType::text, true, "", {}, "what the value must be: <= 3"});
  info.parameters.push_back({"series",
                             ParameterType::text,
                             false,
                             "all",
                             {"first", "all"},
                             "which of the series that the query finds"});
  return std::make_unique<SimpleKind>(std::move(info), make_probe);
}

}  // namespace nospof::probes
