#include "probes/connections.hpp"

#include "probes/connections_config.hpp"
#include "probes/connections_probe.hpp"
#include "probes/probe_kind.hpp"

namespace nospof::probes {

namespace {

using spec::ParameterType;

spec::KindInfo connections_info() {
  spec::KindInfo info;
  info.name = "connections";
  info.summary = "which connections this host's services make, and whether a flow allows them";
  info.parameters = {
      {"host", ParameterType::text, true, "", {}, "name of this host"},
      {"every", ParameterType::duration, false, "1s", {}, "from one look to the next"},
      {"quiet",
       ParameterType::duration,
       false,
       "10s",
       {},
       "after which a connection that no flow allows is over"},
      {"hosts", ParameterType::text_list, true, "", {}, "hosts and floating addresses, as objects"},
      {"listeners", ParameterType::text_list, false, "", {}, "who listens on what, as objects"},
      {"uses",
       ParameterType::text_list,
       false,
       "",
       {},
       "what this host may connect to, as objects"},
  };
  return info;
}

}  // namespace

std::unique_ptr<kinds::ProbeKind> make_connections() {
  return std::make_unique<SimpleKind>(connections_info(), [](const kinds::json::object& config) {
    return make_connections_probe(parse_connections_config(config));
  });
}

}  // namespace nospof::probes
