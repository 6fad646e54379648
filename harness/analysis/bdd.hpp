#pragma once
// Reduced ordered binary decision diagrams: R. E. Bryant, Graph-based algorithms for Boolean
// function manipulation (IEEE Trans. Computers C-35(8), 1986); K. S. Brace, R. L. Rudell,
// R. E. Bryant, Efficient implementation of a BDD package (DAC 1990). Internal to analysis.

#include <vector>

#include "analysis/diagram.hpp"

namespace nospof::analysis {

/// 0 is the function that is always false, 1 the one that is always true.
class Bdd {
 public:
  explicit Bdd(std::size_t most_nodes) : nodes_(most_nodes) {}

  Ref variable(Level level) { return nodes_.make(level, 0, 1); }
  /// If f then g else h.
  Ref ite(Ref f, Ref g, Ref h);
  Ref negation(Ref f) { return ite(f, 0, 1); }
  Ref any_of(std::vector<Ref> functions);
  Ref all_of(std::vector<Ref> functions);
  /// At least k of them.
  Ref at_least(std::uint32_t k, std::vector<Ref> functions);

  const Diagram& nodes() const { return nodes_; }
  /// f with the variable of `level` fixed, where no variable above that is in f.
  Ref low(Ref f, Level level) const { return nodes_.level(f) == level ? nodes_[f].low : f; }
  Ref high(Ref f, Level level) const { return nodes_.level(f) == level ? nodes_[f].high : f; }

 private:
  void deepest_first(std::vector<Ref>& functions) const;

  Diagram nodes_;
  Computed computed_;
};

}  // namespace nospof::analysis
