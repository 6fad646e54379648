#include "faults/shaping_snapshot.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace nospof::faults {

namespace {

bool is_hook(const QdiscInfo& qdisc) {
  return qdisc.parent == tc_clsact;
}

TrafficSnapshot::Device snapshot_of(const DeviceState& device) {
  TrafficSnapshot::Device snapshot;
  for (const QdiscInfo& qdisc : device.qdiscs) {
    auto& lines = is_hook(qdisc) ? snapshot.hooks : snapshot.root;
    lines.ours = lines.ours || (!is_hook(qdisc) && is_own_root(qdisc));
    lines.text.push_back(
        fmt::format("qdisc {} {:x}: parent {:x}", qdisc.kind, qdisc.handle >> 16U, qdisc.parent));
  }
  for (const auto* filters : {&device.ingress, &device.egress})
    for (const FilterInfo& filter : *filters) {
      snapshot.hooks.ours = snapshot.hooks.ours || is_own_filter(filter);
      snapshot.hooks.text.push_back(
          fmt::format("filter {} priority {} protocol {:x} handle {:x} at "
                      "{:x}",
                      filter.kind, filter.priority, filter.protocol, filter.handle, filter.parent));
    }
  std::ranges::sort(snapshot.root.text);
  std::ranges::sort(snapshot.hooks.text);
  return snapshot;
}

std::string difference(const std::string& device, const TrafficSnapshot::Lines& before,
                       const TrafficSnapshot::Lines& now) {
  if (before.ours || now.ours || before.text == now.text) return {};
  std::vector<std::string> lines;
  std::ranges::set_difference(now.text, before.text, std::back_inserter(lines));
  if (!lines.empty()) return fmt::format("device {}: new is '{}'", device, lines.front());
  std::ranges::set_difference(before.text, now.text, std::back_inserter(lines));
  return fmt::format("device {}: missing is '{}'", device, lines.empty() ? "" : lines.front());
}

}  // namespace

std::vector<DeviceState> device_states(TrafficControl& control) {
  std::vector<DeviceState> devices;
  const std::vector<QdiscInfo> qdiscs = control.qdiscs();
  for (const LinkInfo& link : Netlink().links()) {
    DeviceState device;
    device.link = link;
    std::ranges::copy_if(qdiscs, std::back_inserter(device.qdiscs),
                         [&link](const QdiscInfo& qdisc) { return qdisc.device == link.index; });
    if (std::ranges::any_of(device.qdiscs, is_hook)) {
      device.ingress = control.filters(link.index, tc_ingress);
      device.egress = control.filters(link.index, tc_egress);
    }
    devices.push_back(std::move(device));
  }
  return devices;
}

TrafficSnapshot traffic_snapshot(const std::vector<DeviceState>& devices) {
  TrafficSnapshot snapshot;
  for (const DeviceState& device : devices)
    if (device.link.kind != "ifb" || !device.link.name.starts_with(own_ifb_prefix))
      snapshot.devices[device.link.name] = snapshot_of(device);
  return snapshot;
}

std::string first_difference(const TrafficSnapshot& before, const TrafficSnapshot& now) {
  for (const auto& [name, device] : before.devices) {
    const auto found = now.devices.find(name);
    // A device that has gone took its qdiscs with it.
    if (found == now.devices.end()) continue;
    for (const auto part : {&TrafficSnapshot::Device::root, &TrafficSnapshot::Device::hooks})
      if (std::string text = difference(name, device.*part, found->second.*part); !text.empty())
        return text;
  }
  return {};
}

}  // namespace nospof::faults
