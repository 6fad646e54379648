#include "analysis/low_orders.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "analysis/event_classes.hpp"
#include "analysis/propagation.hpp"
#include "system/check.hpp"

namespace nospof::analysis {

namespace {

/// Thrown within a search that reached a limit.
struct GaveUp {
  std::string why;
};

/// Which of numbered things were seen since the last forget().
class Seen {
 public:
  explicit Seen(std::size_t size) : stamps_(size) {}
  void forget() { ++now_; }
  /// Whether it is the first time.
  bool first(std::size_t which) {
    if (stamps_[which] == now_) return false;
    stamps_[which] = now_;
    return true;
  }

 private:
  std::vector<std::uint64_t> stamps_;
  std::uint64_t now_ = 1;
};

}  // namespace

class LowOrderSearch {
 public:
  LowOrderSearch(const FaultTree& tree, const LowOrderLimits& limits)
      : limits_(limits),
        state_(tree),
        classes_(state_, tree.events()),
        gates_(tree.nodes()),
        ones_(classes_.size()),
        thirds_(classes_.size()),
        fatal_(tree.nodes()),
        tree_(tree) {
    find_fatal();
  }

  LowOrders run(unsigned order) {
    result_.counts_.assign(order + 1, 0);
    result_.sets_.resize(order + 1);
    result_.classes_ = classes_.members();
    result_.orders_ = order;
    result_.always_ = state_.top_occurs();
    if (result_.always_) return std::move(result_);
    try {
      result_.orders_ = 0;
      singles();
      result_.orders_ = 1;
      if (order >= 2) pairs();
      result_.orders_ = std::min(order, 2U);
      if (order >= 3) triples();
      result_.orders_ = order;
    } catch (const GaveUp& limit) {
      result_.gave_up_ = limit.why;
      for (unsigned lost = result_.orders_ + 1; lost <= order; ++lost) {
        result_.counts_[lost] = 0;
        result_.sets_[lost].clear();
      }
    }
    return std::move(result_);
  }

 private:
  using Class = std::uint32_t;

  void singles() {
    // As classes of their own, behind the others.
    for (const NodeId event : classes_.alone()) {
      result_.sets_[1].push_back(static_cast<Class>(result_.classes_.size()));
      result_.classes_.push_back({event});
    }
    result_.counts_[1] = classes_.alone().size();
    result_.tries_ = tree_.events();
  }

  void looked_at_one_more() {
    if (++result_.tries_ > limits_.tries)
      throw GaveUp{fmt::format("more than {} sets of events to look at", limits_.tries)};
  }

  void keep(unsigned order, std::span<const Class> set) {
    std::vector<Class>& sets = result_.sets_[order];
    if (sets.size() / order >= limits_.sets)
      throw GaveUp{fmt::format("more than {} sets of order {} to keep", limits_.sets, order)};
    sets.insert(sets.end(), set.begin(), set.end());
  }

  /// Which nodes make the top event occur by themselves. Looked at without what has failed: then it
  /// holds whatever else fails.
  void find_fatal() {
    fatal_[tree_.top()] = true;
    for (NodeId node = tree_.top(); node-- > 0;)
      for (const NodeId parent : state_.parents(node))
        if (state_.needed(parent) == 1 && fatal_[parent]) fatal_[node] = true;
  }

  /// The gates that need several arguments, and have some because of what occurs since `mark`, but
  /// not enough.
  void primed(std::size_t mark, std::vector<NodeId>& gates) {
    gates.clear();
    gates_.forget();
    for (const NodeId node : state_.trail().subspan(mark))
      for (const NodeId gate : state_.parents(node))
        if (state_.needed(gate) > 1 && !state_.occurs(gate) && gates_.first(gate))
          gates.push_back(gate);
  }

  /// Calls visit(class, whether the top event is sure to occur with it) for each class from `from`
  /// on that could make one of the gates occur.
  template <typename Visit>
  void completing(const std::vector<NodeId>& gates, Class from, Visit visit) {
    for (const NodeId gate : gates) {
      const std::uint32_t missing = state_.missing(gate);
      if (missing == 1) {
        const bool sure = fatal_[gate];
        each_causing(gate, from, [&](Class one) { visit(one, sure); });
      } else {
        for (const EventClasses::Share& share : classes_.heavy(gate)) {
          if (share.arguments < missing) break;
          if (share.one >= from) visit(share.one, false);
        }
      }
    }
  }

  /// The classes from `from` on that make an argument occur which does not yet.
  template <typename Visit>
  void each_causing(NodeId gate, Class from, Visit visit) {
    for (const NodeId argument : tree_.arguments(gate)) {
      if (state_.occurs(argument)) continue;
      const std::span<const Class> causing = classes_.causing(argument);
      // Most arguments have one cause or few.
      auto one = causing.begin();
      if (causing.size() > 16)
        one = std::ranges::lower_bound(causing, from);
      else
        while (one != causing.end() && *one < from) ++one;
      for (; one != causing.end(); ++one) visit(*one);
    }
  }

  bool top_with(Class one) {
    looked_at_one_more();
    const std::size_t mark = state_.mark();
    state_.fail(classes_.example(one));
    const bool occurs = state_.top_occurs();
    state_.undo(mark);
    return occurs;
  }

  std::uint64_t members(Class one) const { return classes_.members()[one].size(); }

  void pairs() {
    std::vector<NodeId> gates;
    for (Class a = 0; a < classes_.size(); ++a) {
      const std::size_t mark = state_.mark();
      state_.fail(classes_.example(a));
      primed(mark, gates);
      ones_.forget();
      completing(gates, a + 1, [&](Class b, bool sure) {
        if (!ones_.first(b) || (!sure && !top_with(b))) return;
        keep(2, std::array{a, b});
        result_.counts_[2] += members(a) * members(b);
      });
      state_.undo(mark);
    }
  }

  bool is_pair(Class a, Class b) const {
    if (a > b) std::swap(a, b);
    return std::ranges::binary_search(partners_, std::uint64_t{a} << 32U | b);
  }

  void triples() {
    const std::vector<Class>& found = result_.sets_[2];
    for (std::size_t i = 0; i < found.size(); i += 2)
      partners_.push_back(std::uint64_t{found[i]} << 32U | found[i + 1]);
    std::ranges::sort(partners_);

    std::vector<NodeId> gates;
    for (Class a = 0; a < classes_.size(); ++a) {
      const std::size_t mark = state_.mark();
      state_.fail(classes_.example(a));
      primed(mark, gates);
      ones_.forget();
      meeting(gates, a + 1, [&](Class b) {
        if (ones_.first(b) && !is_pair(a, b)) thirds_of(mark, a, b);
      });
      state_.undo(mark);
    }
    sort_triples();
  }

  /// The classes from `from` on that together with one more could make one of the gates occur.
  template <typename Visit>
  void meeting(const std::vector<NodeId>& gates, Class from, Visit visit) {
    for (const NodeId gate : gates) {
      const std::uint32_t missing = state_.missing(gate);
      const std::uint32_t most = classes_.most(gate);
      if (missing <= most + 1) {
        each_causing(gate, from, visit);
      } else {
        for (const EventClasses::Share& share : classes_.heavy(gate)) {
          if (share.arguments + most < missing) break;
          if (share.one >= from) visit(share.one);
        }
      }
    }
  }

  void thirds_of(std::size_t mark, Class a, Class b) {
    looked_at_one_more();
    const std::size_t before = state_.mark();
    state_.fail(classes_.example(b));
    primed(mark, gates_of_pair_);
    thirds_.forget();
    completing(gates_of_pair_, 0, [&](Class c, bool sure) {
      if (c == a || c == b || !thirds_.first(c)) return;
      if (is_pair(a, c) || is_pair(b, c) || (!sure && !top_with(c))) return;
      std::array<Class, 3> set{a, b, c};
      std::ranges::sort(set);
      keep(3, set);
    });
    state_.undo(before);
  }

  // Each was found once for every two of it that meet.
  void sort_triples() {
    std::vector<Class>& flat = result_.sets_[3];
    std::vector<std::array<Class, 3>> sets(flat.size() / 3);
    for (std::size_t i = 0; i < sets.size(); ++i)
      sets[i] = {flat[3 * i], flat[3 * i + 1], flat[3 * i + 2]};
    std::ranges::sort(sets);
    sets.erase(std::unique(sets.begin(), sets.end()), sets.end());
    flat.clear();
    for (const std::array<Class, 3>& set : sets) {
      flat.insert(flat.end(), set.begin(), set.end());
      result_.counts_[3] += members(set[0]) * members(set[1]) * members(set[2]);
    }
  }

  const LowOrderLimits& limits_;
  Propagation state_;
  EventClasses classes_;
  Seen gates_;
  Seen ones_;
  Seen thirds_;
  std::vector<bool> fatal_;
  std::vector<NodeId> gates_of_pair_;
  std::vector<std::uint64_t> partners_;  // cut sets of two classes, sorted
  const FaultTree& tree_;
  LowOrders result_;
};

std::vector<CutSet> LowOrders::list(unsigned order, std::size_t most) const {
  std::vector<CutSet> all;
  const std::vector<std::uint32_t>& sets = sets_[order];
  for (std::size_t i = 0; i < sets.size() && all.size() < most; i += order) {
    // Every choice of one member of each class, the last one changing fastest.
    std::array<std::size_t, most_low_orders> choice{};
    for (bool more = true; more && all.size() < most;) {
      CutSet set;
      for (unsigned at = 0; at < order; ++at) set.push_back(classes_[sets[i + at]][choice[at]]);
      std::ranges::sort(set);
      all.push_back(std::move(set));
      more = false;
      for (unsigned at = order; at-- > 0 && !more;) {
        more = ++choice[at] < classes_[sets[i + at]].size();
        if (!more) choice[at] = 0;
      }
    }
  }
  std::ranges::sort(all);
  return all;
}

LowOrders low_orders(const FaultTree& tree, unsigned order, const LowOrderLimits& limits) {
  if (!tree.coherent())
    throw Error("fault tree '" + tree.name() +
                "' is not coherent (it has not, xor or iff gates): minimal cut sets are not "
                "defined for it");
  if (order < 1 || order > most_low_orders)
    throw Error(
        fmt::format("cut sets of order {} by trying: expected 1 to {}", order, most_low_orders));
  return LowOrderSearch(tree, limits).run(order);
}

}  // namespace nospof::analysis
