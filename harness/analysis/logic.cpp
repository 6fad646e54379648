#include "analysis/logic.hpp"

#include <algorithm>

namespace nospof::analysis {

namespace {

constexpr NodeId is_false = 0xfffffffe;
constexpr NodeId is_true = 0xffffffff;

bool constant(NodeId node) {
  return node >= is_false;
}
NodeId constant_of(bool value) {
  return value ? is_true : is_false;
}

void drop_repeated(std::vector<NodeId>& arguments) {
  if (arguments.size() <= 32) {
    auto end = arguments.begin();
    for (const NodeId argument : arguments)
      if (std::find(arguments.begin(), end, argument) == end) *end++ = argument;
    arguments.erase(end, arguments.end());
    return;
  }
  std::vector<NodeId> sorted = arguments;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) == sorted.end()) return;
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  arguments = std::move(sorted);
}

// Folds constants and gates of one argument.
class Folding {
 public:
  explicit Folding(const FaultTree& tree) : tree_(tree), values_(tree.nodes()) {}

  Logic run() {
    logic_.events = tree_.events();
    for (NodeId node = 0; node < tree_.nodes(); ++node)
      values_[node] = tree_.is_event(node) ? node : value_of(node);
    logic_.top = values_[tree_.top()];
    if (constant(logic_.top)) logic_.constant = logic_.top == is_true;
    return std::move(logic_);
  }

 private:
  NodeId add(Connective connective, std::uint32_t threshold, std::vector<NodeId> arguments) {
    logic_.gates.push_back({connective, threshold, std::move(arguments)});
    return logic_.nodes() - 1;
  }

  NodeId value_of(NodeId node) {
    std::vector<NodeId> arguments;
    for (const NodeId argument : tree_.arguments(node)) arguments.push_back(values_[argument]);
    switch (tree_.connective(node)) {
      case Connective::any:
        return any(std::move(arguments));
      case Connective::all:
        return all(std::move(arguments));
      case Connective::at_least:
        return at_least(tree_.threshold(node), std::move(arguments));
      case Connective::negation:
        return negation(arguments.front());
      case Connective::exclusive:
        return two(Connective::exclusive, is_false, arguments[0], arguments[1]);
      case Connective::equivalent:
        return two(Connective::equivalent, is_true, arguments[0], arguments[1]);
      case Connective::constant:
        break;
    }
    return constant_of(tree_.threshold(node) == 1);
  }

  NodeId any(std::vector<NodeId> arguments) {
    if (std::ranges::find(arguments, is_true) != arguments.end()) return is_true;
    std::erase(arguments, is_false);
    drop_repeated(arguments);
    if (arguments.empty()) return is_false;
    return arguments.size() == 1 ? arguments.front()
                                 : add(Connective::any, 0, std::move(arguments));
  }

  NodeId all(std::vector<NodeId> arguments) {
    if (std::ranges::find(arguments, is_false) != arguments.end()) return is_false;
    std::erase(arguments, is_true);
    drop_repeated(arguments);
    if (arguments.empty()) return is_true;
    return arguments.size() == 1 ? arguments.front()
                                 : add(Connective::all, 0, std::move(arguments));
  }

  NodeId at_least(std::uint32_t k, std::vector<NodeId> arguments) {
    const auto sure = static_cast<std::uint32_t>(std::erase(arguments, is_true));
    std::erase(arguments, is_false);
    if (sure >= k) return is_true;
    k -= sure;
    if (k > arguments.size()) return is_false;
    if (k == 1) return any(std::move(arguments));
    if (k == arguments.size()) return all(std::move(arguments));
    return add(Connective::at_least, k, std::move(arguments));
  }

  NodeId negation(NodeId of) {
    return constant(of) ? constant_of(of == is_false) : add(Connective::negation, 0, {of});
  }

  // `same` is what comes of two arguments that are the same.
  NodeId two(Connective connective, NodeId same, NodeId left, NodeId right) {
    if (left == right) return same;
    if (constant(left)) std::swap(left, right);
    if (!constant(right)) return add(connective, 0, {left, right});
    const bool differs = (right == is_true) != (same == is_true);
    if (constant(left)) return constant_of((left != right) != (same == is_true));
    // "x xor true" and "x iff false" are "not x", the others x.
    return differs ? negation(left) : left;
  }

  const FaultTree& tree_;
  std::vector<NodeId> values_;
  Logic logic_;
};

// A gate that is used once, in a gate like it, becomes part of that.
Logic draw_in(const Logic& from) {
  const std::vector<std::uint32_t> uses = count_uses(from);
  Logic to;
  to.events = from.events;
  to.gates.reserve(from.gates.size());
  for (const LogicGate& gate : from.gates) {
    LogicGate made{gate.connective, gate.threshold, {}};
    const bool takes = gate.connective == Connective::any || gate.connective == Connective::all;
    for (const NodeId argument : gate.arguments) {
      // Ids stay what they were: what was drawn in is left behind unused.
      const bool like = takes && !from.is_event(argument) && uses[argument] == 1 &&
                        from.gate(argument).connective == gate.connective;
      if (like) {
        const std::vector<NodeId>& drawn = to.gate(argument).arguments;
        made.arguments.insert(made.arguments.end(), drawn.begin(), drawn.end());
      } else {
        made.arguments.push_back(argument);
      }
    }
    if (takes) drop_repeated(made.arguments);
    to.gates.push_back(std::move(made));
  }
  to.top = from.top;
  return to;
}

// What a gate alone uses gets a gate of its own within it, beside what others use too.
Logic keep_together(const Logic& from) {
  const std::vector<std::uint32_t> uses = count_uses(from);
  const std::vector<bool> modules = find_modules(from);
  Logic to;
  to.events = from.events;
  std::vector<NodeId> ids(from.nodes());
  for (NodeId event = 0; event < from.events; ++event) ids[event] = event;
  for (NodeId node = from.events; node < from.nodes(); ++node) {
    const LogicGate& gate = from.gate(node);
    LogicGate own{gate.connective, 0, {}};
    LogicGate made{gate.connective, gate.threshold, {}};
    for (const NodeId argument : gate.arguments) {
      const bool alone = modules[argument] && uses[argument] == 1;
      (alone ? own : made).arguments.push_back(ids[argument]);
    }
    const bool may = gate.connective == Connective::any || gate.connective == Connective::all;
    if (may && own.arguments.size() > 1 && !made.arguments.empty()) {
      to.gates.push_back(std::move(own));
      made.arguments.push_back(to.nodes() - 1);
    } else {
      made.arguments.clear();
      for (const NodeId argument : gate.arguments) made.arguments.push_back(ids[argument]);
    }
    to.gates.push_back(std::move(made));
    ids[node] = to.nodes() - 1;
  }
  to.top = ids[from.top];
  return to;
}

}  // namespace

Logic simplify(const FaultTree& tree) {
  Logic logic = Folding(tree).run();
  if (logic.constant || logic.is_event(logic.top)) return logic;
  return keep_together(draw_in(logic));
}

std::vector<std::uint32_t> count_uses(const Logic& logic) {
  std::vector<std::uint32_t> uses(logic.nodes());
  uses[logic.top] = 1;
  for (NodeId node = logic.top + 1; node-- > logic.events;)
    if (uses[node] > 0)
      for (const NodeId argument : logic.gate(node).arguments) ++uses[argument];
  return uses;
}

// A walk, depth first, notes when it meets each node. A gate is a module when everything below it
// is met only while the walk is below it for the first time.
std::vector<bool> find_modules(const Logic& logic) {
  struct Dates {
    std::uint32_t first = 0;  // 0: not met
    std::uint32_t left = 0;
    std::uint32_t last = 0;
    std::uint32_t earliest_below = 0xffffffff;
    std::uint32_t latest_below = 0;
  };
  std::vector<Dates> dates(logic.nodes());
  std::vector<std::pair<NodeId, std::size_t>> path{{logic.top, 0}};
  std::uint32_t now = 0;
  dates[logic.top].first = dates[logic.top].last = ++now;
  while (!path.empty()) {
    auto& [node, next] = path.back();
    if (logic.is_event(node) || next == logic.gate(node).arguments.size()) {
      dates[node].left = dates[node].last = ++now;
      path.pop_back();
      continue;
    }
    const NodeId argument = logic.gate(node).arguments[next++];
    Dates& met = dates[argument];
    met.last = ++now;
    if (met.first != 0) continue;
    met.first = now;
    path.emplace_back(argument, 0);
  }
  std::vector<bool> modules(logic.nodes());
  for (NodeId node = 0; node <= logic.top; ++node) {
    Dates& own = dates[node];
    if (own.first == 0) continue;
    modules[node] = true;
    if (logic.is_event(node)) continue;
    for (const NodeId argument : logic.gate(node).arguments) {
      const Dates& below = dates[argument];
      own.earliest_below = std::min({own.earliest_below, below.first, below.earliest_below});
      own.latest_below = std::max({own.latest_below, below.last, below.latest_below});
    }
    modules[node] = own.earliest_below > own.first && own.latest_below < own.left;
  }
  return modules;
}

}  // namespace nospof::analysis
