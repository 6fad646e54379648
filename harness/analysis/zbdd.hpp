#pragma once
// Families of sets as zero-suppressed decision diagrams (S. Minato, DAC 1993), and the minimal
// solutions of a monotone function (A. Rauzy, New algorithms for fault trees analysis, Reliability
// Engineering and System Safety 40, 1993). Internal to analysis.

#include "analysis/bdd.hpp"
#include "analysis/diagram.hpp"

namespace nospof::analysis {

/// 0 is the family without sets, 1 the one that has only the empty set.
class Zbdd {
 public:
  explicit Zbdd(std::size_t most_nodes) : nodes_(most_nodes) {}

  /// The sets with the variable of `level` put into them, and those without.
  Ref make(Level level, Ref without, Ref with) {
    return with == 0 ? without : nodes_.make(level, without, with);
  }
  /// The minimal sets of variables that make a monotone function true; its nodes were made when the
  /// BDD had the size `from` or later.
  Ref minimal_solutions(const Bdd& bdd, Ref function, Ref from);

  const Diagram& nodes() const { return nodes_; }

 private:
  Ref without(Ref sets, const Bdd& bdd, Ref function);

  Diagram nodes_;
  Computed computed_;
};

}  // namespace nospof::analysis
