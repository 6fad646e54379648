#include "probes/firewall.hpp"

#include "probes/firewall_config.hpp"
#include "probes/firewall_probe.hpp"
#include "probes/probe_kind.hpp"

namespace nospof::probes {

namespace {

using spec::ParameterType;

spec::KindInfo firewall_info() {
  spec::KindInfo info;
  info.name = "firewall";
  info.summary = "tries every port from this host: which ones are open, and whether they may be";
  info.parameters = {
      {"from", ParameterType::text, true, "", {}, "name of this host"},
      {"every", ParameterType::duration, false, "1s", {}, "from one round to the next"},
      {"timeout", ParameterType::duration, false, "300ms", {}, "after which a port is silent"},
      {"max-in-flight",
       ParameterType::integer,
       false,
       "512",
       {},
       "connections being opened at once"},
      {"targets", ParameterType::text_list, true, "", {}, "hosts and ports, as objects"},
  };
  return info;
}

}  // namespace

std::unique_ptr<kinds::ProbeKind> make_firewall() {
  return std::make_unique<SimpleKind>(firewall_info(), [](const kinds::json::object& config) {
    return make_firewall_probe(parse_firewall_config(config));
  });
}

}  // namespace nospof::probes
