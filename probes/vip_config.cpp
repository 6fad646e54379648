#include "probes/vip_config.hpp"

#include <arpa/inet.h>

#include "probes/config_keys.hpp"

namespace nospof::probes {

VipConfig parse_vip_config(const boost::json::object& object) {
  using namespace std::chrono_literals;
  VipConfig config;
  ConfigKeys keys("vip probe", object);
  config.address = keys.required_text("address");
  if (::inet_pton(AF_INET, config.address.c_str(), &config.ip) != 1)
    keys.refuse("address", boost::json::value(config.address),
                "an IPv4 address such as 198.18.0.100");
  const std::string view = keys.required_text("view");
  if (view != "own" && view != "link")
    keys.refuse("view", boost::json::value(view),
                "\"own\" on a host that may have the address, or \"link\" on one that asks for it");
  config.view = view == "own" ? VipView::own : VipView::link;
  config.period = keys.duration("period_ns", config.view == VipView::own ? 20ms : 100ms, 1ms, 60s);
  keys.refuse_unknown();
  return config;
}

}  // namespace nospof::probes
