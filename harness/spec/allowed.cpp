#include "spec/allowed.hpp"

#include <algorithm>
#include <vector>

namespace nospof::spec {

namespace {

bool contains(const std::vector<std::string>& items, const std::string& item) {
  return std::ranges::find(items, item) != items.end();
}

bool lets_through(const Flow& flow, const std::string& from, int port) {
  return flow.protocol == Protocol::tcp && contains(flow.from, from) &&
         (port == 0 || std::ranges::find(flow.ports, port) != flow.ports.end());
}

}  // namespace

bool is_allowed(const Topology& topology, const std::string& from, const std::string& to,
                int port) {
  return std::ranges::any_of(topology.flows, [&](const Flow& flow) {
    return lets_through(flow, from, port) && contains(flow.to, to);
  });
}

bool is_vip_allowed(const Topology& topology, const std::string& from, const std::string& vip,
                    int port) {
  return std::ranges::any_of(topology.flows, [&](const Flow& flow) {
    return lets_through(flow, from, port) && flow.to_vip == vip;
  });
}

}  // namespace nospof::spec
