#include <algorithm>

#include <fmt/format.h>

#include "analysis/compiled.hpp"
#include "analysis/deep_stack.hpp"
#include "analysis/full_set.hpp"
#include "analysis/too_large.hpp"
#include "spec/problems.hpp"

namespace nospof::analysis {

namespace {

double probability_of(const FaultTree& tree, NodeId event) {
  const std::optional<double> probability = tree.probability(event);
  if (!probability)
    throw Error(fmt::format("event {} has no probability; the top event's cannot be computed",
                            spec::quote(tree.name_of(event))));
  return *probability;
}

/// Of each variable, by level; of modules once they are known.
class Probabilities {
 public:
  Probabilities(const FaultTree& tree, const Compiled& compiled)
      : compiled_(compiled), by_level_(compiled.by_level.size()) {
    for (Level level = 0; level < by_level_.size(); ++level)
      if (!compiled.by_level[level].module)
        by_level_[level] = probability_of(tree, compiled.by_level[level].index);
    for (std::uint32_t module = 0; module < compiled.modules.size(); ++module) {
      const double probability = of_nodes(module).back();
      if (compiled.around[module] != no_module)
        by_level_[compiled.level_of_module[module]] = probability;
      else
        top_ = probability;
    }
  }

  double top() const { return top_; }
  double at(Level level) const { return by_level_[level]; }

  /// Of the nodes of a module, by number from module.from on; the last one is the module itself.
  std::vector<double> of_nodes(std::uint32_t number) const {
    const Compiled::Module& module = compiled_.modules[number];
    if (module.function <= 1) return {static_cast<double>(module.function)};
    std::vector<double> known(module.function - module.from + 1);
    const Diagram& nodes = compiled_.bdd.nodes();
    const auto of = [&](Ref node) {
      return node <= 1 ? static_cast<double>(node) : known[node - module.from];
    };
    for (Ref node = module.from; node <= module.function; ++node) {
      const double p = by_level_[nodes.level(node)];
      known[node - module.from] = p * of(nodes[node].high) + (1 - p) * of(nodes[node].low);
    }
    return known;
  }

 private:
  const Compiled& compiled_;
  std::vector<double> by_level_;
  double top_ = 0;
};

/// By level: dP(top)/dP(variable). From the top downwards, each node gets the probability that the
/// walk from the module's root comes through it.
std::vector<double> birnbaum_by_level(const Compiled& compiled, const Probabilities& known) {
  std::vector<double> result(compiled.by_level.size());
  const Diagram& nodes = compiled.bdd.nodes();
  for (std::uint32_t number = static_cast<std::uint32_t>(compiled.modules.size()); number-- > 0;) {
    const Compiled::Module& module = compiled.modules[number];
    if (module.function <= 1) continue;
    const bool top = compiled.around[number] == no_module;
    const double outside = top ? 1 : result[compiled.level_of_module[number]];
    const std::vector<double> probabilities = known.of_nodes(number);
    const auto of = [&](Ref node) {
      return node <= 1 ? static_cast<double>(node) : probabilities[node - module.from];
    };
    std::vector<double> reached(probabilities.size());
    reached.back() = outside;
    for (Ref node = module.function; node >= module.from; --node) {
      const double here = reached[node - module.from];
      if (here == 0) continue;
      const auto& [level, low, high] = nodes[node];
      const double p = known.at(level);
      result[level] += here * (of(high) - of(low));
      if (low > 1) reached[low - module.from] += here * (1 - p);
      if (high > 1) reached[high - module.from] += here * p;
    }
  }
  return result;
}

/// The probability that what else a minimal cut set of a module needs, besides one variable, has
/// occurred, for some cut set that the variable is in.
class Companions {
 public:
  Companions(const Compiled& compiled, const Probabilities& known, std::uint32_t number,
             std::uint64_t& steps, std::uint64_t most)
      : sets_(compiled.zbdd.nodes()),
        module_(compiled.modules[number]),
        below_(sets_.below(module_.cut_sets, module_.cut_sets_from)),
        known_(known),
        steps_(steps),
        most_(most),
        bdd_(4'000'000),
        probabilities_{0, 1} {
    unions_.resize(module_.cut_sets <= 1 ? 0 : module_.cut_sets - module_.cut_sets_from + 1);
    with_ = unions_;
    for (const Ref node : below_) at(unions_, node) = joined(node, unions_);
  }

  double probability(Level variable) {
    steps_ += below_.size();
    for (const Ref node : below_) {
      const Level level = sets_.level(node);
      Ref& with = at(with_, node);
      if (level > variable) with = 0;
      if (level == variable) with = of(unions_, sets_[node].high);
      if (level < variable) with = joined(node, with_, 0);
    }
    return value(of(with_, module_.cut_sets));
  }

 private:
  Ref& at(std::vector<Ref>& of_nodes, Ref node) { return of_nodes[node - module_.cut_sets_from]; }
  Ref of(std::vector<Ref>& of_nodes, Ref node, Ref when_empty = 1) {
    return node <= 1 ? (node == 1 ? when_empty : 0) : at(of_nodes, node);
  }

  // "The variable and what its sets need besides, or one of the sets without it."
  Ref joined(Ref node, std::vector<Ref>& of_nodes, Ref when_empty = 1) {
    if (++steps_ > most_) throw TooLarge("importances take too long");
    const Ref with = of(of_nodes, sets_[node].high, when_empty);
    const Ref rest = of(of_nodes, sets_[node].low, when_empty);
    const Ref either = bdd_.ite(with, 1, rest);
    return bdd_.ite(bdd_.variable(sets_.level(node)), either, rest);
  }

  double value(Ref function) {
    const Diagram& nodes = bdd_.nodes();
    for (auto node = static_cast<Ref>(probabilities_.size()); node < nodes.size(); ++node) {
      const double p = known_.at(nodes.level(node));
      probabilities_.push_back(p * probabilities_[nodes[node].high] +
                               (1 - p) * probabilities_[nodes[node].low]);
    }
    return probabilities_[function];
  }

  const Diagram& sets_;
  const Compiled::Module& module_;
  std::vector<Ref> below_;
  const Probabilities& known_;
  std::uint64_t& steps_;
  std::uint64_t most_;
  Bdd bdd_;
  std::vector<double> probabilities_;
  std::vector<Ref> unions_;
  std::vector<Ref> with_;
};

/// By level: P(companions) through all modules around; nothing when it takes too long.
std::optional<std::vector<double>> companions_by_level(const Compiled& compiled,
                                                       const Probabilities& known,
                                                       std::uint64_t most) {
  std::vector<double> result(compiled.by_level.size());
  std::uint64_t steps = 0;
  try {
    for (auto number = static_cast<std::uint32_t>(compiled.modules.size()); number-- > 0;) {
      const Compiled::Module& module = compiled.modules[number];
      const bool top = compiled.around[number] == no_module;
      const double outside = top ? 1 : result[compiled.level_of_module[number]];
      if (module.end - module.first == 1) {
        result[module.first] = outside;
        continue;
      }
      Companions companions(compiled, known, number, steps, most);
      for (Level level = module.first; level < module.end; ++level)
        result[level] = outside * companions.probability(level);
    }
  } catch (const TooLarge&) {
    return std::nullopt;
  }
  return result;
}

}  // namespace

double FullSet::probability() const {
  if (compiled_->constant) return *compiled_->constant ? 1 : 0;
  return Probabilities(tree_, *compiled_).top();
}

std::vector<Importance> FullSet::importances() const {
  std::vector<Importance> result;
  if (compiled_->constant) return result;
  const Probabilities known(tree_, *compiled_);
  const std::vector<double> birnbaum = birnbaum_by_level(*compiled_, known);
  std::optional<std::vector<double>> companions;
  if (tree_.coherent() && known.top() > 0)
    run_on_deep_stack(compiled_->by_level.size(), [&] {
      companions = companions_by_level(*compiled_, known, limits_.importance_steps);
    });
  for (Level level = 0; level < compiled_->by_level.size(); ++level) {
    const Compiled::Variable& variable = compiled_->by_level[level];
    if (variable.module) continue;
    Importance one{variable.index, birnbaum[level], std::nullopt};
    if (companions) one.fussell_vesely = known.at(level) * (*companions)[level] / known.top();
    result.push_back(one);
  }
  std::ranges::sort(result, {}, &Importance::event);
  return result;
}

}  // namespace nospof::analysis
