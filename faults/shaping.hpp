#pragma once
// A queueing discipline put into the way of a host's traffic: what netem in the kernel and
// bandwidth share.
//
// Two ways in. Where all outgoing traffic of a device is meant and nobody has set a root qdisc
// there, ours becomes the root; removing it brings the kernel's default back. In every other case a
// filter at the device's clsact hook moves the chosen packets through an ifb device that has our
// qdisc, and the kernel carries on with them where they were taken out: the host's own qdiscs are
// not touched, and see every packet.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "faults/netem_scope.hpp"
#include "kinds/fault.hpp"
#include "system/netlink.hpp"
#include "system/traffic_control.hpp"

namespace nospof::faults {

/// A qdisc as the kernel is told to make it.
struct ShapingQdisc {
  std::string kind;     ///< "netem", "tbf"
  std::string options;  ///< bytes of TCA_OPTIONS
  std::string text;     ///< for people
};

/// What says that it bites, besides packets that went through it.
struct ShapingEffect {
  Nanoseconds delay{0};  ///< that each direction adds
  bool loses = false;    ///< so much that a few packets show it
};

/// Names of this program's ifb devices begin so.
inline constexpr std::string_view own_ifb_prefix = "nospof";

/// One place where packets are taken to a qdisc of ours.
struct Attachment {
  enum class Way { root, ingress, egress };
  Way way = Way::root;
  std::string device;
  int index = 0;
  // For `root`: the handle of our qdisc.
  std::uint32_t handle = 0;
  // For the others: the mark of our filters, their priority, the ifb device, and whether the clsact
  // qdisc is this program's.
  std::uint32_t mark = 0;
  std::uint16_t priority = 0;
  std::string ifb;
  bool own_clsact = false;
};

/// What a device's qdiscs and hooks look like before the fault.
struct DeviceState {
  LinkInfo link;
  std::vector<QdiscInfo> qdiscs;
  std::vector<FilterInfo> ingress, egress;  ///< filters at its clsact or ingress qdisc
};

/// The devices whose traffic is the host's own: not lo, not what stands on other devices (their
/// traffic comes by again below), not the host's ends of containers on a bridge.
bool carries_host_traffic(const LinkInfo& link);

/// Where to attach, from what is there. Marks and handles are drawn from `random`. Throws Error
/// that names what is in the way and whose it is.
std::vector<Attachment> plan_attachments(const std::string& kind, const NetemScope& scope,
                                         const std::vector<DeviceState>& devices,
                                         std::uint32_t random);

/// The comparisons of the filters that pick the scope's packets in one direction, one list for each
/// filter; every filter of an IPv4 scope looks at IPv4 only. Throws Error when they are too many.
std::vector<std::vector<PacketBits>> scope_filters(const std::string& kind, const NetemScope& scope,
                                                   bool outgoing);
/// Whether the scope leaves anything out.
bool is_narrowed(const NetemScope& scope);

/// Why this kernel can't have the qdisc, in its own words; empty when it can. Tried in a network
/// namespace made for that.
std::string missing_qdisc(const ShapingQdisc& qdisc);

/// Checks that it can work here and changes nothing.
std::unique_ptr<kinds::Injection> prepare_shaping(const std::string& kind, ShapingQdisc qdisc,
                                                  const NetemScope& scope,
                                                  const ShapingEffect& effect, kinds::HostEnv& env);

}  // namespace nospof::faults
