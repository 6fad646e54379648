#include "probes/http.hpp"

#include "probes/http_probe.hpp"
#include "probes/probe_kind.hpp"

namespace nospof::probes {

std::unique_ptr<kinds::ProbeKind> make_http() {
  spec::KindInfo info;
  info.name = "http";
  info.summary = "GET requests at a set rate without TLS, latency counted from the schedule";
  info.parameters = http_parameters(UrlSchemes::http);
  return std::make_unique<SimpleKind>(std::move(info), [](const kinds::json::object& config) {
    return make_http_probe(parse_http_config("http", UrlSchemes::http, config));
  });
}

}  // namespace nospof::probes
