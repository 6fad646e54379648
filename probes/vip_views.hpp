#pragma once
// The two views of the vip probe, ready to run; vip.hpp says what they do.

#include <memory>

#include "kinds/probe.hpp"
#include "probes/vip_config.hpp"

namespace nospof::probes {

/// Throws SystemError.
std::unique_ptr<kinds::Probe> make_vip_own_view(VipConfig config);
/// Throws MissingCapability without CAP_NET_RAW, and SystemError.
std::unique_ptr<kinds::Probe> make_vip_link_view(VipConfig config);

}  // namespace nospof::probes
