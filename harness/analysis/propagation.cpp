#include "analysis/propagation.hpp"

#include <limits>

namespace nospof::analysis {

namespace {

constexpr std::uint32_t never = std::numeric_limits<std::uint32_t>::max();

std::uint32_t needed_by(const FaultTree& tree, NodeId gate) {
  switch (tree.connective(gate)) {
    case Connective::any:
      return tree.arguments(gate).empty() ? never : 1;
    case Connective::all:
      return static_cast<std::uint32_t>(tree.arguments(gate).size());
    case Connective::at_least:
      return tree.threshold(gate);
    case Connective::constant:
      return tree.threshold(gate) == 1 ? 0 : never;
    case Connective::negation:
    case Connective::exclusive:
    case Connective::equivalent:
      break;  // of no coherent tree
  }
  return never;
}

}  // namespace

Propagation::Propagation(const FaultTree& tree)
    : tree_(tree),
      used_(tree.reachable()),
      occurs_(tree.nodes()),
      needed_(tree.nodes(), never),
      count_(tree.nodes()),
      first_(tree.nodes() + 1) {
  const auto each_edge = [&](auto visit) {
    for (NodeId gate = tree.events(); gate < tree.nodes(); ++gate)
      if (used_[gate])
        for (const NodeId argument : tree.arguments(gate)) visit(gate, argument);
  };
  each_edge([&](NodeId, NodeId argument) { ++first_[argument + 1]; });
  for (NodeId node = 0; node < tree.nodes(); ++node) first_[node + 1] += first_[node];
  parents_.resize(first_.back());
  std::vector<std::uint32_t> next(first_.begin(), first_.end() - 1);
  each_edge([&](NodeId gate, NodeId argument) { parents_[next[argument]++] = gate; });

  for (NodeId gate = tree.events(); gate < tree.nodes(); ++gate)
    if (used_[gate]) needed_[gate] = needed_by(tree, gate);
  for (NodeId gate = tree.events(); gate < tree.nodes(); ++gate)
    if (needed_[gate] == 0) fail(gate);
  // Nobody takes back what no failure caused.
  trail_.clear();
}

void Propagation::fail(NodeId event) {
  if (occurs(event)) return;
  const std::size_t from = trail_.size();
  occurs_[event] = 1;
  trail_.push_back(event);
  spread(from);
}

void Propagation::spread(std::size_t from) {
  for (std::size_t i = from; i < trail_.size(); ++i) {
    const NodeId node = trail_[i];
    for (const NodeId parent : parents(node)) {
      if (++count_[parent] != needed_[parent] || occurs(parent)) continue;
      occurs_[parent] = 1;
      trail_.push_back(parent);
    }
  }
}

void Propagation::undo(std::size_t mark) {
  while (trail_.size() > mark) {
    const NodeId node = trail_.back();
    trail_.pop_back();
    occurs_[node] = 0;
    for (const NodeId parent : parents(node)) --count_[parent];
  }
}

}  // namespace nospof::analysis
