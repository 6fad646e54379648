#include "tests/unit/analysis/support.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace nospof::analysis::test {

namespace {

bool value(const FaultTree& tree, NodeId gate, const std::vector<bool>& values) {
  std::uint32_t count = 0;
  for (const NodeId argument : tree.arguments(gate)) count += values[argument] ? 1 : 0;
  switch (tree.connective(gate)) {
    case Connective::any:
      return count > 0;
    case Connective::all:
      return count == tree.arguments(gate).size();
    case Connective::at_least:
      return count >= tree.threshold(gate);
    case Connective::negation:
      return count == 0;
    case Connective::exclusive:
      return count == 1;
    case Connective::equivalent:
      return count != 1;
    case Connective::constant:
      return tree.threshold(gate) == 1;
  }
  return false;
}

CutSet set_of(std::uint32_t bits) {
  CutSet set;
  for (NodeId event = 0; event < 32; ++event)
    if ((bits >> event & 1U) != 0) set.push_back(event);
  return set;
}

}  // namespace

BruteForce::BruteForce(const FaultTree& tree) : tree_(tree) {
  std::vector<bool> values(tree.nodes());
  for (std::uint32_t failed = 0; failed < (1U << tree.events()); ++failed) {
    for (NodeId event = 0; event < tree.events(); ++event)
      values[event] = (failed >> event & 1U) != 0;
    for (NodeId gate = tree.events(); gate < tree.nodes(); ++gate)
      values[gate] = value(tree, gate, values);
    occurs_.push_back(values[tree.top()]);
    double probability = 1;
    for (NodeId event = 0; event < tree.events(); ++event) {
      const double p = tree.probability(event).value_or(0);
      probability *= values[event] ? p : 1 - p;
    }
    probabilities_.push_back(probability);
  }
  if (tree.coherent()) find_minimal();
}

void BruteForce::find_minimal() {
  for (std::uint32_t failed = 0; failed < occurs_.size(); ++failed) {
    bool minimal = occurs_[failed];
    for (NodeId event = 0; event < tree_.events() && minimal; ++event)
      if ((failed >> event & 1U) != 0) minimal = !occurs_[failed & ~(1U << event)];
    if (minimal) minimal_.push_back(set_of(failed));
  }
  std::ranges::sort(minimal_);
}

std::vector<CutSet> BruteForce::minimal_cut_sets(unsigned order) const {
  std::vector<CutSet> sets = minimal_cut_sets();
  std::erase_if(sets, [&](const CutSet& set) { return set.size() != order; });
  return sets;
}

double BruteForce::sum(const std::vector<bool>& where) const {
  double result = 0;
  for (std::uint32_t failed = 0; failed < where.size(); ++failed)
    if (where[failed]) result += probabilities_[failed];
  return result;
}

double BruteForce::probability() const {
  return sum(occurs_);
}

double BruteForce::birnbaum(NodeId event) const {
  double result = 0;
  for (std::uint32_t failed = 0; failed < occurs_.size(); ++failed) {
    const std::uint32_t with = failed | 1U << event;
    const std::uint32_t without = failed & ~(1U << event);
    // Either of the two stands for both, so that the event's own probability plays no part.
    result += probabilities_[failed] *
              (static_cast<double>(occurs_[with]) - static_cast<double>(occurs_[without]));
  }
  return result;
}

double BruteForce::fussell_vesely(NodeId event) const {
  std::vector<bool> through_it(occurs_.size());
  for (const CutSet& set : minimal_cut_sets()) {
    if (std::ranges::find(set, event) == set.end()) continue;
    std::uint32_t bits = 0;
    for (const NodeId one : set) bits |= 1U << one;
    for (std::uint32_t failed = 0; failed < occurs_.size(); ++failed)
      if ((failed & bits) == bits) through_it[failed] = true;
  }
  return sum(through_it) / probability();
}

std::vector<std::string> names(const FaultTree& tree, const CutSet& set) {
  std::vector<std::string> result;
  for (const NodeId event : set) result.push_back(tree.name_of(event));
  return result;
}

FaultTree k_of_n(std::uint32_t k, std::uint32_t n, double probability) {
  TreeBuilder builder("voting");
  std::vector<TreeBuilder::Item> events;
  for (std::uint32_t i = 0; i < n; ++i)
    events.push_back(builder.event("e" + std::to_string(i), {.probability = probability}));
  builder.top(builder.at_least("lost", k, events));
  return std::move(builder).build();
}

FaultTree bridge(double probability) {
  TreeBuilder builder("bridge");
  std::vector<TreeBuilder::Item> e;
  for (const char* name : {"a", "b", "c", "d", "e"})
    e.push_back(builder.event(name, {.probability = probability}));
  const auto path = [&](std::vector<TreeBuilder::Item> parts) {
    return builder.gate("", Connective::any, std::move(parts));
  };
  builder.top(builder.gate("no way", Connective::all,
                           {path({e[0], e[3]}), path({e[1], e[4]}), path({e[0], e[2], e[4]}),
                            path({e[1], e[2], e[3]})}));
  return std::move(builder).build();
}

FaultTree tiers(std::uint32_t count, std::uint32_t hosts, std::uint32_t fatal) {
  TreeBuilder builder("tiers");
  std::vector<TreeBuilder::Item> lost;
  for (std::uint32_t tier = 0; tier < count; ++tier) {
    std::vector<TreeBuilder::Item> members;
    for (std::uint32_t host = 0; host < hosts; ++host)
      members.push_back(builder.event("t" + std::to_string(tier) + "h" + std::to_string(host)));
    lost.push_back(builder.at_least("tier" + std::to_string(tier), fatal, members));
  }
  builder.top(builder.gate("lost", Connective::any, lost));
  return std::move(builder).build();
}

}  // namespace nospof::analysis::test
