#include <algorithm>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "agent/undo_operations.hpp"
#include "system/check.hpp"
#include "system/netlink.hpp"
#include "system/traffic_control.hpp"

namespace nospof::agent {

namespace {

std::int64_t number_field(const json::object& record, const char* name, std::int64_t most) {
  const json::value* value = record.if_contains(name);
  boost::system::error_code failure;
  const auto number = value != nullptr ? value->to_number<std::int64_t>(failure) : 0;
  if (value == nullptr || failure || number <= 0 || number > most)
    throw Error(fmt::format("undo record without '{}': {}", name, json::serialize(record)));
  return number;
}

int device_field(const json::object& record) {
  return static_cast<int>(number_field(record, "index", 0x7FFFFFFF));
}

// Filters are known by their mark; with the last of a priority goes all of it.
bool remove_marked(TrafficControl& control, int device, std::uint32_t hook, std::uint32_t mark) {
  const auto filters = control.filters(device, hook);
  const auto ours = std::ranges::find(filters, mark, &FilterInfo::class_id);
  if (ours == filters.end()) return false;
  control.remove_filters(device, hook, ours->priority, ours->protocol);
  return true;
}

const QdiscInfo* hooks_of(const std::vector<QdiscInfo>& qdiscs, int device) {
  for (const QdiscInfo& qdisc : qdiscs)
    if (qdisc.device == device && qdisc.parent == tc_clsact) return &qdisc;
  return nullptr;
}

bool is_ifb(Netlink& links, const std::string& name) {
  const auto list = links.links();
  return std::ranges::any_of(
      list, [&name](const LinkInfo& link) { return link.name == name && link.kind == "ifb"; });
}

}  // namespace

UndoResult undo_root_qdisc(const json::object& record, kinds::HostEnv&) {
  const std::string device = text_field(record, "device");
  const std::string kind = text_field(record, "kind");
  const int index = device_field(record);
  const auto handle = static_cast<std::uint32_t>(number_field(record, "handle", 0xFFFFFFFF));
  // Without a handle the kernel would not ask whose it is.
  if (handle == 0) throw Error(fmt::format("undo record without a handle for {}", device));
  // The kernel itself compares handle and kind: what is not ours stays.
  const bool removed = TrafficControl().remove_qdisc(index, tc_root, handle, kind);
  return {true, removed,
          removed ? fmt::format("qdisc {} taken from the root of {}", kind, device)
                  : fmt::format("no qdisc {} of ours at the root of {}", kind, device)};
}

UndoResult undo_redirect(const json::object& record, kinds::HostEnv&) {
  const std::string device = text_field(record, "device");
  const std::string hook = text_field(record, "hook");
  const std::string ifb = text_field(record, "ifb");
  const int index = device_field(record);
  const auto mark = static_cast<std::uint32_t>(number_field(record, "mark", 0xFFFFFFFF));
  const json::value* own = record.if_contains("own_clsact");
  if ((hook != "ingress" && hook != "egress") || own == nullptr || !own->is_bool())
    throw Error(fmt::format("undo record that can't be read: {}", json::serialize(record)));

  TrafficControl control;
  Netlink links;
  const bool has_ifb = is_ifb(links, ifb);
  const auto qdiscs = control.qdiscs();
  bool removed = false;
  if (hooks_of(qdiscs, index) != nullptr) {
    removed = remove_marked(control, index, hook == "ingress" ? tc_ingress : tc_egress, mark);
    // The ifb device is the first to be made and the last to go: without it, ours can't be there.
    const bool unused =
        control.filters(index, tc_ingress).empty() && control.filters(index, tc_egress).empty();
    if (has_ifb && own->get_bool() && unused)
      removed |= control.remove_qdisc(index, tc_clsact, 0xFFFF0000U, "clsact");
  }
  if (has_ifb) removed |= links.delete_link(ifb);
  return {true, removed,
          removed ? fmt::format("{} traffic of {} goes its own way again", hook, device)
                  : fmt::format("no {} traffic of {} was led aside", hook, device)};
}

}  // namespace nospof::agent
