#include "analysis/bdd.hpp"

#include <algorithm>

namespace nospof::analysis {

Ref Bdd::ite(Ref f, Ref g, Ref h) {
  if (f == 1) return g;
  if (f == 0) return h;
  if (f == g) g = 1;
  if (f == h) h = 0;
  if (g == h) return g;
  if (g == 1 && h == 0) return f;
  // "f or h" and "f and g" are the same either way round.
  if (g == 1 && f > h) std::swap(f, h);
  if (h == 0 && f > g) std::swap(f, g);
  Ref result = 0;
  const Level level = std::min({nodes_.level(f), nodes_.level(g), nodes_.level(h)});
  // A variable above both branches needs no search.
  if (nodes_.level(f) == level && nodes_[f].low == 0 && nodes_[f].high == 1 &&
      nodes_.level(g) > level && nodes_.level(h) > level)
    return nodes_.make(level, h, g);
  if (computed_.find(f, g, h, result)) return result;
  const Ref when_true = ite(high(f, level), high(g, level), high(h, level));
  const Ref when_false = ite(low(f, level), low(g, level), low(h, level));
  result = when_true == when_false ? when_true : nodes_.make(level, when_false, when_true);
  computed_.keep(f, g, h, result);
  return result;
}

// Combined from the bottom of the order upwards, results stay small. Of functions with the same
// variable on top, those given last come first: they tend to reach deeper.
void Bdd::deepest_first(std::vector<Ref>& functions) const {
  std::ranges::reverse(functions);
  std::ranges::stable_sort(functions, std::ranges::greater{},
                           [&](Ref f) { return nodes_.level(f); });
}

Ref Bdd::any_of(std::vector<Ref> functions) {
  deepest_first(functions);
  Ref result = 0;
  for (const Ref f : functions) result = ite(f, 1, result);
  return result;
}

Ref Bdd::all_of(std::vector<Ref> functions) {
  deepest_first(functions);
  Ref result = 1;
  for (const Ref f : functions) result = ite(f, result, 0);
  return result;
}

// rest[c]: at least c of those that were looked at already. Only counts that k can be reached from
// are looked at.
Ref Bdd::at_least(std::uint32_t k, std::vector<Ref> functions) {
  deepest_first(functions);
  const auto count = static_cast<std::uint32_t>(functions.size());
  std::vector<Ref> rest(k + 1, 0);
  rest[0] = 1;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t above = count - 1 - i;
    const std::uint32_t least = k > above ? k - above : 1;
    for (std::uint32_t c = std::min(k, i + 1); c >= least; --c)
      rest[c] = ite(functions[i], rest[c - 1], rest[c]);
  }
  return rest[k];
}

}  // namespace nospof::analysis
