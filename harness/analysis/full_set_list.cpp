#include <algorithm>

#include "analysis/compiled.hpp"
#include "analysis/full_set.hpp"

namespace nospof::analysis {

namespace {

constexpr std::uint32_t unreachable = 0xffffffff;

/// The order of the smallest set, by node of the ZBDD; `unreachable` where there is none.
class SmallestOrders {
 public:
  explicit SmallestOrders(const Compiled& compiled) : orders_(compiled.zbdd.nodes().size()) {
    const Diagram& diagram = compiled.zbdd.nodes();
    orders_[0] = unreachable;
    // Nodes of inner modules have smaller numbers than those of the modules around them.
    for (std::size_t node = 2; node < orders_.size(); ++node) {
      const DiagramNode& made = diagram[static_cast<Ref>(node)];
      const Compiled::Variable& variable = compiled.by_level[made.level];
      const std::uint32_t own =
          variable.module ? orders_[compiled.modules[variable.index].cut_sets] : 1;
      const std::uint32_t with = orders_[made.high];
      const std::uint32_t sum =
          own == unreachable || with == unreachable ? unreachable : own + with;
      orders_[node] = std::min(sum, orders_[made.low]);
    }
  }
  std::uint32_t operator[](Ref node) const { return orders_[node]; }

 private:
  std::vector<std::uint32_t> orders_;
};

/// Writes sets down, one order at a time.
class Listing {
 public:
  Listing(const Compiled& compiled, unsigned order, std::size_t most)
      : compiled_(compiled), smallest_(compiled), order_(order), most_(most) {}

  std::vector<CutSet> run() {
    go_on(compiled_.modules.back().cut_sets, 0);
    return std::move(found_);
  }

 private:
  // `open_`: diagrams whose sets are still to be joined with this one's; `owed`: what the smallest
  // of each of them have at least.
  void go_on(Ref node, std::uint32_t owed) {
    for (;; node = compiled_.zbdd.nodes()[node].low) {
      if (found_.size() >= most_ || smallest_[node] == unreachable) return;
      if (set_.size() + owed + smallest_[node] > order_) return;
      if (node == 1) return close(owed);
      take(node, owed);
    }
  }

  void take(Ref node, std::uint32_t owed) {
    const DiagramNode& taken = compiled_.zbdd.nodes()[node];
    const Compiled::Variable& variable = compiled_.by_level[taken.level];
    if (variable.module) {
      const Ref inner = compiled_.modules[variable.index].cut_sets;
      open_.push_back(inner);
      go_on(taken.high, owed + smallest_[inner]);
      open_.pop_back();
    } else {
      set_.push_back(variable.index);
      go_on(taken.high, owed);
      set_.pop_back();
    }
  }

  void close(std::uint32_t owed) {
    if (open_.empty()) {
      if (set_.size() != order_) return;
      found_.push_back(set_);
      std::ranges::sort(found_.back());
      return;
    }
    const Ref next = open_.back();
    open_.pop_back();
    go_on(next, owed - smallest_[next]);
    open_.push_back(next);
  }

  const Compiled& compiled_;
  SmallestOrders smallest_;
  unsigned order_;
  std::size_t most_;
  CutSet set_;
  std::vector<Ref> open_;
  std::vector<CutSet> found_;
};

bool contains(const Diagram& diagram, Ref family, std::vector<Level> levels) {
  std::ranges::sort(levels);
  auto next = levels.begin();
  while (family > 1) {
    const DiagramNode& node = diagram[family];
    if (next != levels.end() && *next < node.level) return false;
    const bool taken = next != levels.end() && *next == node.level;
    family = taken ? node.high : node.low;
    if (taken) ++next;
  }
  return family == 1 && next == levels.end();
}

}  // namespace

std::optional<std::uint32_t> FullSet::smallest_order() const {
  const Compiled& compiled = coherent();
  if (compiled.constant) return *compiled.constant ? std::optional<std::uint32_t>(0) : std::nullopt;
  const std::uint32_t smallest = SmallestOrders(compiled)[compiled.modules.back().cut_sets];
  return smallest == unreachable ? std::nullopt : std::optional(smallest);
}

std::vector<CutSet> FullSet::list(unsigned order, std::size_t most) const {
  const Compiled& compiled = coherent();
  if (!compiled.constant) return Listing(compiled, order, most).run();
  return *compiled.constant && order == 0 && most > 0 ? std::vector<CutSet>{{}}
                                                      : std::vector<CutSet>{};
}

// A set is one when what it has within each module is a cut set of that module, where the modules
// that it has something in stand for their events.
bool FullSet::contains(const CutSet& set) const {
  const Compiled& compiled = coherent();
  if (compiled.constant) return *compiled.constant && set.empty();
  std::vector<std::pair<std::uint32_t, Level>> levels;
  std::vector<std::uint32_t> touched;
  const auto touch = [&](std::uint32_t module) {
    if (std::ranges::find(touched, module) != touched.end()) return false;
    touched.push_back(module);
    return true;
  };
  for (const NodeId event : set) {
    std::uint32_t module = compiled.module_of[event];
    if (module == no_module) return false;
    levels.emplace_back(module, compiled.level_of_event[event]);
    while (touch(module) && compiled.around[module] != no_module) {
      levels.emplace_back(compiled.around[module], compiled.level_of_module[module]);
      module = compiled.around[module];
    }
  }
  return std::ranges::all_of(touched,
                             [&](std::uint32_t module) {
                               std::vector<Level> own;
                               for (const auto& [of, level] : levels)
                                 if (of == module) own.push_back(level);
                               return analysis::contains(compiled.zbdd.nodes(),
                                                         compiled.modules[module].cut_sets, own);
                             }) &&
         !touched.empty();
}

}  // namespace nospof::analysis
