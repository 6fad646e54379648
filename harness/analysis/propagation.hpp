#pragma once
// What follows from failures in a coherent tree, kept up to date one failure at a time and taken
// back in reverse. Only what changes is looked at. Internal to analysis.

#include <cstdint>
#include <span>
#include <vector>

#include "analysis/fault_tree.hpp"

namespace nospof::analysis {

class Propagation {
 public:
  /// The tree must be coherent and outlive this. Nothing has failed yet; what house events make
  /// occur does so already.
  explicit Propagation(const FaultTree& tree);

  bool occurs(NodeId node) const { return occurs_[node] != 0; }
  bool top_occurs() const { return occurs(tree_.top()); }
  std::uint32_t nodes() const { return tree_.nodes(); }
  /// Whether the top event depends on it.
  bool used(NodeId node) const { return used_[node]; }

  /// The event fails, with all that follows.
  void fail(NodeId event);

  /// What occurs because of failures, in the order in which it came about.
  std::span<const NodeId> trail() const { return trail_; }
  std::size_t mark() const { return trail_.size(); }
  /// Back to what mark() was.
  void undo(std::size_t mark);

  /// Gates below the top event that have the node as an argument.
  std::span<const NodeId> parents(NodeId node) const {
    return {parents_.data() + first_[node], first_[node + 1] - first_[node]};
  }
  /// How many arguments of a gate must occur; more than there are when it never occurs.
  std::uint32_t needed(NodeId gate) const { return needed_[gate]; }
  /// How many more must, of a gate that does not occur.
  std::uint32_t missing(NodeId gate) const { return needed_[gate] - count_[gate]; }

 private:
  void spread(std::size_t from);

  const FaultTree& tree_;
  std::vector<bool> used_;
  std::vector<std::uint8_t> occurs_;
  std::vector<std::uint32_t> needed_;
  std::vector<std::uint32_t> count_;
  std::vector<std::uint32_t> first_;
  std::vector<NodeId> parents_;
  std::vector<NodeId> trail_;
};

}  // namespace nospof::analysis
