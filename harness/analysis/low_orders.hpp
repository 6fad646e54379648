#pragma once
// Minimal cut sets of one, two and three events of a coherent tree, by trying: every event is made
// to fail, then every other one besides it that could matter, and what follows is propagated.
//
// Events that make the same arguments of AND and voting gates occur are alike (a class); one of
// them is tried for all. Besides a set that is no cut set, a further event can only matter where
// both lead into the same gate: for the lowest gate that occurs because of a minimal cut set but
// of none of its events alone, some of its arguments must occur because of each of them. So only
// such events are tried.

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/fault_tree.hpp"

namespace nospof::analysis {

constexpr unsigned most_low_orders = 3;

struct LowOrderLimits {
  std::uint64_t tries = 2'000'000'000;  ///< sets of events looked at
  std::uint64_t sets = 60'000'000;      ///< sets of classes kept, 8 or 12 bytes each
};

/// An event set as ids, rising.
using CutSet = std::vector<NodeId>;

class LowOrders {
 public:
  /// The orders that are complete: 1 .. orders().
  unsigned orders() const { return orders_; }
  /// Why there are fewer orders than were asked for; empty when there are not.
  const std::string& gave_up() const { return gave_up_; }
  /// The top event occurs though nothing failed: the empty set is the only minimal cut set.
  bool always() const { return always_; }

  /// Exactly how many minimal cut sets there are of an order 1 .. orders().
  std::uint64_t count(unsigned order) const { return counts_[order]; }
  /// The first `most` of them, each rising, in rising order among those listed.
  std::vector<CutSet> list(unsigned order, std::size_t most) const;

  /// How many sets of events were looked at.
  std::uint64_t tries() const { return tries_; }

 private:
  friend class LowOrderSearch;

  unsigned orders_ = 0;
  std::string gave_up_;
  bool always_ = false;
  std::vector<std::uint64_t> counts_;             // by order
  std::vector<std::vector<NodeId>> classes_;      // events that are alike
  std::vector<std::vector<std::uint32_t>> sets_;  // by order: classes, `order` of them each
  std::uint64_t tries_ = 0;
};

/// Up to `order` 3. Throws Error when the tree is not coherent.
LowOrders low_orders(const FaultTree& tree, unsigned order, const LowOrderLimits& limits = {});

}  // namespace nospof::analysis
