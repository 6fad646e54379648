#include "analysis/zbdd.hpp"

namespace nospof::analysis {

// Those of the sets that do not make the function true.
Ref Zbdd::without(Ref sets, const Bdd& bdd, Ref function) {
  if (function == 1 || sets == 0) return 0;
  // A monotone function that is not always true is false for the empty set.
  if (function == 0 || sets == 1) return sets;
  Ref result = 0;
  if (computed_.find(sets, function, 0, result)) return result;
  const Level level = nodes_.level(sets);
  const Level asked = bdd.nodes().level(function);
  if (asked < level) {
    result = without(sets, bdd, bdd.nodes()[function].low);
  } else {
    const DiagramNode node = nodes_[sets];
    const Ref with = without(node.high, bdd, bdd.high(function, level));
    const Ref rest = without(node.low, bdd, bdd.low(function, level));
    result = make(level, rest, with);
  }
  computed_.keep(sets, function, 0, result);
  return result;
}

Ref Zbdd::minimal_solutions(const Bdd& bdd, Ref function, Ref from) {
  if (function <= 1) return function;
  const std::vector<Ref> below = bdd.nodes().below(function, from);
  // By number of the function's node, from the first one on.
  const Ref first = below.front();
  std::vector<Ref> solutions(function - first + 1);
  const auto of = [&](Ref f) { return f <= 1 ? f : solutions[f - first]; };
  for (const Ref f : below) {
    const DiagramNode& node = bdd.nodes()[f];
    const Ref with = without(of(node.high), bdd, node.low);
    solutions[f - first] = make(node.level, of(node.low), with);
  }
  return of(function);
}

}  // namespace nospof::analysis
