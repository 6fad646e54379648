#include "probes/tls_path.hpp"

#include "probes/probe_kind.hpp"
#include "probes/tls_path_config.hpp"
#include "probes/tls_path_probe.hpp"

namespace nospof::probes {

namespace {

using spec::ParameterType;

spec::KindInfo tls_path_info() {
  spec::KindInfo info;
  info.name = "tls-path";
  info.summary = "looks at each TLS hop from this host: who ends it, how, and what it refuses";
  info.parameters = {
      {"from", ParameterType::text, true, "", {}, "name of this host, for the findings"},
      {"every", ParameterType::duration, false, "2s", {}, "from one look at all hops to the next"},
      {"targets", ParameterType::text_list, true, "", {}, "the hops, as objects"},
  };
  return info;
}

}  // namespace

std::unique_ptr<kinds::ProbeKind> make_tls_path() {
  return std::make_unique<SimpleKind>(tls_path_info(), [](const kinds::json::object& config) {
    return make_tls_path_probe(parse_tls_path_config(config));
  });
}

}  // namespace nospof::probes
