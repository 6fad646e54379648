#include "analysis/event_classes.hpp"

#include <algorithm>
#include <map>
#include <numeric>

namespace nospof::analysis {

namespace {

bool is_port(const Propagation& state, NodeId node) {
  return std::ranges::any_of(state.parents(node),
                             [&](NodeId parent) { return state.needed(parent) > 1; });
}

}  // namespace

EventClasses::EventClasses(Propagation& state, std::uint32_t events) {
  collect(state, events);
  index(state);
  weigh(state);
}

void EventClasses::collect(Propagation& state, std::uint32_t events) {
  std::map<std::vector<NodeId>, std::vector<NodeId>> by_ports;
  std::vector<NodeId> ports;
  for (NodeId event = 0; event < events; ++event) {
    if (!state.used(event)) continue;
    const std::size_t mark = state.mark();
    state.fail(event);
    ports.clear();
    for (const NodeId node : state.trail().subspan(mark))
      if (is_port(state, node)) ports.push_back(node);
    const bool fatal = state.top_occurs();
    state.undo(mark);
    if (fatal) {
      alone_.push_back(event);
    } else if (!ports.empty()) {
      std::ranges::sort(ports);
      by_ports[ports].push_back(event);
    }
  }
  std::vector<const std::pair<const std::vector<NodeId>, std::vector<NodeId>>*> sorted;
  for (const auto& entry : by_ports) sorted.push_back(&entry);
  std::ranges::stable_sort(sorted, [](const auto* left, const auto* right) {
    return left->first.size() > right->first.size();
  });
  for (const auto* entry : sorted) {
    ports_.push_back(entry->first);
    members_.push_back(entry->second);
  }
}

void EventClasses::index(const Propagation& state) {
  first_.assign(state.nodes() + 1, 0);
  for (const auto& ports : ports_)
    for (const NodeId port : ports) ++first_[port + 1];
  std::partial_sum(first_.begin(), first_.end(), first_.begin());
  causing_.resize(first_.back());
  std::vector<std::uint32_t> next(first_.begin(), first_.end() - 1);
  for (std::uint32_t one = 0; one < size(); ++one)
    for (const NodeId port : ports_[one]) causing_[next[port]++] = one;
}

void EventClasses::weigh(const Propagation& state) {
  heavy_index_.assign(state.nodes(), 0);
  heavy_.emplace_back();
  std::vector<std::uint32_t> counts(state.nodes());
  std::vector<NodeId> touched;
  for (std::uint32_t one = 0; one < size(); ++one) {
    if (ports_[one].size() < 2) break;
    touched.clear();
    for (const NodeId port : ports_[one])
      for (const NodeId gate : state.parents(port))
        if (state.needed(gate) > 1 && counts[gate]++ == 0) touched.push_back(gate);
    for (const NodeId gate : touched) {
      if (counts[gate] > 1) {
        if (heavy_index_[gate] == 0) {
          heavy_index_[gate] = static_cast<std::uint32_t>(heavy_.size());
          heavy_.emplace_back();
        }
        heavy_[heavy_index_[gate]].push_back({one, counts[gate]});
      }
      counts[gate] = 0;
    }
  }
  for (auto& shares : heavy_)
    std::ranges::stable_sort(shares, std::ranges::greater{}, &Share::arguments);
}

}  // namespace nospof::analysis
