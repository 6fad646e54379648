#pragma once
// The configuration of the vip probe as a checked struct; vip.hpp documents its JSON.

#include <string>

#include <boost/json/object.hpp>
#include <netinet/in.h>

#include "system/clock.hpp"

namespace nospof::probes {

enum class VipView { own, link };

struct VipConfig {
  std::string address;
  in_addr ip{};  ///< the same
  VipView view = VipView::own;
  Nanoseconds period{};
};

/// Throws Error naming the key, what stood there and what is expected.
VipConfig parse_vip_config(const boost::json::object& json);

}  // namespace nospof::probes
