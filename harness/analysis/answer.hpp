#pragma once
// Minimal cut sets by both engines, which know nothing of each other. What they do not agree on is
// no answer.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "analysis/full_set.hpp"
#include "analysis/low_orders.hpp"

namespace nospof::analysis {

struct AnswerOptions {
  unsigned order = most_low_orders;  ///< up to which order to try, 1 to 3
  bool full = true;  ///< also by diagrams; otherwise nothing confirms the first engine
  /// Of each order, so many sets are looked up in the other engine's family, besides the counts,
  /// which are compared in any case.
  std::size_t compared = 50'000;
  LowOrderLimits low_limits;
  DiagramLimits diagram_limits;
};

/// Both engines found the same.
struct Agreed {
  LowOrders low;
  FullSet full;
};

/// One engine had to give up (or was not asked), so that nothing confirms the other one. At least
/// one of the two is there.
struct Unconfirmed {
  std::optional<LowOrders> low;
  std::optional<FullSet> full;
  std::string why;
};

/// They contradict each other: nospof has an error. Both answers are here.
struct Undecided {
  LowOrders low;
  FullSet full;
  std::string difference;  ///< "order 2: 12 by trying, 11 by diagrams"
};

using Answer = std::variant<Agreed, Unconfirmed, Undecided>;

/// Throws Error when the tree is not coherent.
Answer minimal_cut_sets(const FaultTree& tree, const AnswerOptions& options = {});

/// What the two contradict each other in; nothing when they agree on every order that both have.
std::optional<std::string> difference(const LowOrders& low, const FullSet& full,
                                      std::size_t compared);

}  // namespace nospof::analysis
