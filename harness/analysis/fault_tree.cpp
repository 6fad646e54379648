#include "analysis/fault_tree.hpp"

#include <cmath>

namespace nospof::analysis {

std::optional<NodeId> FaultTree::find(std::string_view name) const {
  const auto found = by_name_.find(std::string(name));
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

std::optional<double> FaultTree::probability(NodeId event) const {
  const double probability = probabilities_[event];
  if (std::isnan(probability)) return std::nullopt;
  return probability;
}

std::vector<bool> FaultTree::reachable() const {
  std::vector<bool> reached(nodes());
  reached[top_] = true;
  // Arguments have smaller ids than the gates that use them.
  for (NodeId node = top_ + 1; node-- > 0;)
    if (reached[node])
      for (const NodeId argument : arguments(node)) reached[argument] = true;
  return reached;
}

bool FaultTree::quantified() const {
  const std::vector<bool> reached = reachable();
  for (NodeId event = 0; event < events_; ++event)
    if (reached[event] && std::isnan(probabilities_[event])) return false;
  return true;
}

bool FaultTree::coherent() const {
  const std::vector<bool> reached = reachable();
  for (NodeId gate = events_; gate < nodes(); ++gate) {
    if (!reached[gate]) continue;
    switch (connectives_[gate]) {
      case Connective::negation:
      case Connective::exclusive:
      case Connective::equivalent:
        return false;
      case Connective::any:
      case Connective::all:
      case Connective::at_least:
      case Connective::constant:
        break;
    }
  }
  return true;
}

}  // namespace nospof::analysis
