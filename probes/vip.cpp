#include "probes/vip.hpp"

#include "probes/probe_kind.hpp"
#include "probes/vip_config.hpp"
#include "probes/vip_views.hpp"
#include "system/lab_network.hpp"

namespace nospof::probes {

namespace {

using spec::ParameterType;

spec::KindInfo vip_info() {
  spec::KindInfo info;
  info.name = "vip";
  info.summary = "who has a floating address: this host, or who answers for it on the link";
  info.parameters = {
      {"address", ParameterType::text, true, "", {}, "the floating address, IPv4"},
      {"view",
       ParameterType::text,
       true,
       "",
       {"own", "link"},
       "whether this host has it, or who answers ARP requests for it"},
      {"period",
       ParameterType::duration,
       false,
       "",
       {},
       "from one look to the next; 20ms for own, 100ms for link unless given"},
  };
  return info;
}

}  // namespace

std::unique_ptr<kinds::ProbeKind> make_vip() {
  return std::make_unique<SimpleKind>(vip_info(), [](const kinds::json::object& json) {
    VipConfig config = parse_vip_config(json);
    require_lab_namespace_for(config.address);
    return config.view == VipView::own ? make_vip_own_view(std::move(config))
                                       : make_vip_link_view(std::move(config));
  });
}

}  // namespace nospof::probes
