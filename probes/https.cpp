#include "probes/https.hpp"

#include "probes/http_probe.hpp"
#include "probes/probe_kind.hpp"

namespace nospof::probes {

std::unique_ptr<kinds::ProbeKind> make_https() {
  spec::KindInfo info;
  info.name = "https";
  info.summary = "GET requests at a set rate over verified TLS, latency counted from the schedule";
  info.parameters = http_parameters(UrlSchemes::https);
  return std::make_unique<SimpleKind>(std::move(info), [](const kinds::json::object& config) {
    return make_http_probe(parse_http_config("https", UrlSchemes::https, config));
  });
}

}  // namespace nospof::probes
