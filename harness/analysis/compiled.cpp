#include "analysis/compiled.hpp"

#include <algorithm>

#include "analysis/too_large.hpp"

namespace nospof::analysis {

namespace {

enum class Order {
  hubs_first,  ///< what very many gates use stands before all else
  as_met,      ///< as a walk from the top meets them
};

class Compiler {
 public:
  Compiler(const Logic& logic, bool cut_sets, Order order, std::size_t most_nodes)
      : logic_(logic),
        cut_sets_(cut_sets),
        order_(order),
        modules_(find_modules(logic)),
        functions_(logic.nodes()),
        met_(logic.nodes(), 0),
        used_by_(logic.nodes(), 0),
        number_(logic.nodes(), no_module),
        out_(most_nodes) {
    out_.module_of.assign(logic.events, no_module);
    out_.level_of_event.assign(logic.events, no_level);
  }

  Compiled run() {
    if (logic_.is_event(logic_.top)) {
      compile_module(logic_.top);
      return std::move(out_);
    }
    for (NodeId node = logic_.events; node <= logic_.top; ++node)
      if (modules_[node]) compile_module(node);
    return std::move(out_);
  }

 private:
  bool variable(NodeId node) const { return logic_.is_event(node) || modules_[node]; }

  void compile_module(NodeId root) {
    Compiled::Module module;
    const auto own = static_cast<std::uint32_t>(out_.modules.size());
    number_[root] = own;
    collect(root);
    module.first = static_cast<Level>(out_.by_level.size());
    module.from = static_cast<Ref>(out_.bdd.nodes().size());
    for (const NodeId node : variables_) add_variable(node, own);
    module.end = static_cast<Level>(out_.by_level.size());
    for (const NodeId gate : inner_) functions_[gate] = function_of(logic_.gate(gate));
    module.function = functions_[root];
    module.cut_sets_from = static_cast<Ref>(out_.zbdd.nodes().size());
    if (cut_sets_)
      module.cut_sets = out_.zbdd.minimal_solutions(out_.bdd, module.function, module.from);
    out_.modules.push_back(module);
    out_.around.push_back(no_module);
    out_.level_of_module.push_back(no_level);
  }

  void add_variable(NodeId node, std::uint32_t own) {
    const auto level = static_cast<Level>(out_.by_level.size());
    if (logic_.is_event(node)) {
      out_.by_level.push_back({false, node});
      out_.module_of[node] = own;
      out_.level_of_event[node] = level;
    } else {
      out_.by_level.push_back({true, number_[node]});
      out_.around[number_[node]] = own;
      out_.level_of_module[number_[node]] = level;
    }
    functions_[node] = out_.bdd.variable(level);
  }

  // The gates of the module, arguments first, and its variables in their order.
  void collect(NodeId root) {
    variables_.clear();
    inner_.clear();
    ++now_;
    std::vector<NodeId> path{root};
    if (logic_.is_event(root)) variables_.push_back(root);
    met_[root] = now_;
    while (!path.empty()) {
      const NodeId node = path.back();
      path.pop_back();
      if (node != root && variable(node)) {
        variables_.push_back(node);
        continue;
      }
      if (logic_.is_event(node)) continue;
      inner_.push_back(node);
      push_arguments(node, path);
    }
    std::ranges::sort(inner_);
    if (order_ == Order::hubs_first) hubs_to_the_front();
  }

  // Variables of a gate are met before the gates below it: what is on top of the path comes next.
  void push_arguments(NodeId gate, std::vector<NodeId>& path) {
    const std::vector<NodeId>& arguments = logic_.gate(gate).arguments;
    for (const bool of_variables : {false, true}) {
      for (std::size_t i = arguments.size(); i-- > 0;) {
        const NodeId argument = arguments[i];
        if (variable(argument) != of_variables) continue;
        if (of_variables) used_by_[argument] = met_[argument] == now_ ? used_by_[argument] + 1 : 1;
        if (met_[argument] == now_) continue;
        met_[argument] = now_;
        path.push_back(argument);
      }
    }
  }

  void hubs_to_the_front() {
    const auto hub = static_cast<std::uint32_t>(std::max<std::size_t>(8, variables_.size() / 16));
    std::stable_partition(variables_.begin(), variables_.end(),
                          [&](NodeId node) { return used_by_[node] >= hub; });
  }

  Ref function_of(const LogicGate& gate) {
    std::vector<Ref> arguments;
    for (const NodeId argument : gate.arguments) arguments.push_back(functions_[argument]);
    switch (gate.connective) {
      case Connective::any:
        return out_.bdd.any_of(std::move(arguments));
      case Connective::all:
        return out_.bdd.all_of(std::move(arguments));
      case Connective::at_least:
        return out_.bdd.at_least(gate.threshold, std::move(arguments));
      case Connective::negation:
        return out_.bdd.negation(arguments[0]);
      case Connective::exclusive:
        return out_.bdd.ite(arguments[0], out_.bdd.negation(arguments[1]), arguments[1]);
      case Connective::equivalent:
        return out_.bdd.ite(arguments[0], arguments[1], out_.bdd.negation(arguments[1]));
      case Connective::constant:
        break;  // simplify() leaves none
    }
    return gate.threshold == 1 ? 1 : 0;
  }

  const Logic& logic_;
  bool cut_sets_;
  Order order_;
  std::vector<bool> modules_;
  std::vector<Ref> functions_;      // by node, while its module is compiled
  std::vector<std::uint32_t> met_;  // by node: the walk that met it last
  std::vector<std::uint32_t> used_by_;
  std::vector<std::uint32_t> number_;  // of modules, by node
  std::uint32_t now_ = 0;
  std::vector<NodeId> variables_;
  std::vector<NodeId> inner_;
  Compiled out_;
};

}  // namespace

Compiled compile(const FaultTree& tree, bool cut_sets, std::size_t most_nodes) {
  const Logic logic = simplify(tree);
  if (logic.constant) {
    Compiled compiled(most_nodes);
    compiled.constant = logic.constant;
    compiled.module_of.assign(tree.events(), no_module);
    return compiled;
  }
  try {
    return Compiler(logic, cut_sets, Order::hubs_first, most_nodes).run();
  } catch (const TooLarge&) {
    return Compiler(logic, cut_sets, Order::as_met, most_nodes).run();
  }
}

}  // namespace nospof::analysis
