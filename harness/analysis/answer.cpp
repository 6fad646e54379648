#include "analysis/answer.hpp"

#include <fmt/format.h>

#include "analysis/too_large.hpp"

namespace nospof::analysis {

std::optional<std::string> difference(const LowOrders& low, const FullSet& full,
                                      std::size_t compared) {
  const std::vector<Count> counts = full.by_order(low.orders());
  if (low.always() != (counts[0] == Count(1)))
    return std::string("order 0: one engine says that the top event always occurs, one does not");
  for (unsigned order = 1; order <= low.orders(); ++order) {
    if (counts[order] != Count(low.count(order)))
      return fmt::format("order {}: {} minimal cut sets by trying, {} by diagrams", order,
                         low.count(order), counts[order].text());
    // As many, and each of one in the other: the same.
    for (const CutSet& set : low.list(order, compared))
      if (!full.contains(set))
        return fmt::format("order {}: a minimal cut set that diagrams do not have", order);
  }
  return std::nullopt;
}

Answer minimal_cut_sets(const FaultTree& tree, const AnswerOptions& options) {
  LowOrders low = low_orders(tree, options.order, options.low_limits);
  std::optional<FullSet> full;
  std::string why = "the diagrams were not asked for";
  if (options.full) {
    try {
      full.emplace(tree, options.diagram_limits);
    } catch (const TooLarge& error) {
      why = fmt::format("the tree is too large: {}", error.what());
    }
  }
  if (!full) return Unconfirmed{std::move(low), std::nullopt, std::move(why)};
  if (auto found = difference(low, *full, options.compared))
    return Undecided{std::move(low), std::move(*full), std::move(*found)};
  if (low.orders() < options.order)
    return Unconfirmed{low, std::move(*full), "orders by trying: " + low.gave_up()};
  return Agreed{std::move(low), std::move(*full)};
}

}  // namespace nospof::analysis
