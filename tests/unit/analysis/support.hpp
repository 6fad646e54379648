#pragma once
// What the tests of analysis share: trees written shortly, and answers by trying everything.

#include <string>
#include <vector>

#include "analysis/fault_tree.hpp"
#include "analysis/low_orders.hpp"

namespace nospof::analysis::test {

/// Everything about a small tree by its definition: evaluates it for every set of failed events.
class BruteForce {
 public:
  /// At most 16 events.
  explicit BruteForce(const FaultTree& tree);

  bool occurs(std::uint32_t failed) const { return occurs_[failed]; }
  /// Of a coherent tree; each rising, sorted.
  const std::vector<CutSet>& minimal_cut_sets() const { return minimal_; }
  /// Those of one order.
  std::vector<CutSet> minimal_cut_sets(unsigned order) const;
  double probability() const;
  double birnbaum(NodeId event) const;
  double fussell_vesely(NodeId event) const;

 private:
  void find_minimal();
  double sum(const std::vector<bool>& where) const;

  const FaultTree& tree_;
  std::vector<bool> occurs_;  // by the bits of the events that failed
  std::vector<double> probabilities_;
  std::vector<CutSet> minimal_;
};

std::vector<std::string> names(const FaultTree& tree, const CutSet& set);

/// k of n events that each have this probability; the top event "lost".
FaultTree k_of_n(std::uint32_t k, std::uint32_t n, double probability);

/// The bridge: from left to right through a-d, b-e, or over c in the middle. The top event: no way
/// is left.
FaultTree bridge(double probability);

/// Tiers in series, each with this many hosts of which one may fail fewer than `fatal`.
FaultTree tiers(std::uint32_t count, std::uint32_t hosts, std::uint32_t fatal);

}  // namespace nospof::analysis::test
