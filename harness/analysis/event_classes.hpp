#pragma once
// Events that are alike, and where they meet. Internal to analysis.

#include <cstdint>
#include <span>
#include <vector>

#include "analysis/propagation.hpp"

namespace nospof::analysis {

/// The classes of the events of a tree that are no cut set alone and can matter at all, those with
/// most effects first. A port is a node that is an argument of a gate which needs several: the
/// ports that occur because of an event are all that matters of it.
class EventClasses {
 public:
  explicit EventClasses(Propagation& state, std::uint32_t events);

  std::uint32_t size() const { return static_cast<std::uint32_t>(members_.size()); }
  const std::vector<std::vector<NodeId>>& members() const { return members_; }
  NodeId example(std::uint32_t one) const { return members_[one].front(); }
  /// Events that are a cut set alone.
  const std::vector<NodeId>& alone() const { return alone_; }

  /// The classes, rising, that make a node occur.
  std::span<const std::uint32_t> causing(NodeId node) const {
    return {causing_.data() + first_[node], first_[node + 1] - first_[node]};
  }

  struct Share {
    std::uint32_t one;
    std::uint32_t arguments;  ///< how many of the gate's it makes occur
  };
  /// The classes that make two or more arguments of a gate occur, those with most first.
  const std::vector<Share>& heavy(NodeId gate) const {
    static const std::vector<Share> none;
    const std::uint32_t index = heavy_index_[gate];
    return index == 0 ? none : heavy_[index];
  }
  /// The most arguments of a gate that any one class makes occur.
  std::uint32_t most(NodeId gate) const {
    return heavy(gate).empty() ? 1 : heavy(gate).front().arguments;
  }

 private:
  void collect(Propagation& state, std::uint32_t events);
  void index(const Propagation& state);
  void weigh(const Propagation& state);

  std::vector<NodeId> alone_;
  std::vector<std::vector<NodeId>> members_;
  std::vector<std::vector<NodeId>> ports_;
  std::vector<std::uint32_t> first_;
  std::vector<std::uint32_t> causing_;
  std::vector<std::uint32_t> heavy_index_;  // by gate; 0: none
  std::vector<std::vector<Share>> heavy_;
};

}  // namespace nospof::analysis
