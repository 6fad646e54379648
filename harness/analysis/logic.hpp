#pragma once
// A fault tree without what makes no difference: no constants, no gates of one argument, gates
// that only repeat the gate above drawn into it; and what only one gate uses kept together, so that
// it makes a module. Internal to analysis.

#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/fault_tree.hpp"

namespace nospof::analysis {

struct LogicGate {
  Connective connective = Connective::any;
  std::uint32_t threshold = 0;
  std::vector<NodeId> arguments;
};

/// Events have the ids that they have in the tree; gates have their own, arguments before users.
struct Logic {
  std::uint32_t events = 0;
  std::vector<LogicGate> gates;
  NodeId top = 0;
  std::optional<bool> constant;  ///< the top event always or never occurs: there is no more to it

  NodeId nodes() const { return events + static_cast<NodeId>(gates.size()); }
  bool is_event(NodeId node) const { return node < events; }
  const LogicGate& gate(NodeId node) const { return gates[node - events]; }
};

Logic simplify(const FaultTree& tree);

/// By node: whether it is a module, which nothing outside uses any part of (events are), and below
/// the top. Y. Dutuit, A. Rauzy: A linear-time algorithm to find modules of fault trees (IEEE
/// Trans. Reliability 45(3), 1996).
std::vector<bool> find_modules(const Logic& logic);

/// By node: how many arguments of gates below the top it is.
std::vector<std::uint32_t> count_uses(const Logic& logic);

}  // namespace nospof::analysis
