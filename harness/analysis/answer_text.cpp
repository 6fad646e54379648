#include "analysis/answer_text.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "spec/problems.hpp"

namespace nospof::analysis {

namespace {

namespace json = boost::json;

/// What both engines may have said, and how sure it is.
struct Parts {
  const LowOrders* low = nullptr;
  const FullSet* full = nullptr;
  std::string state;
  std::string why;
};

Parts parts_of(const Answer& answer) {
  if (const auto* agreed = std::get_if<Agreed>(&answer))
    return {&agreed->low, &agreed->full, "agreed", ""};
  if (const auto* undecided = std::get_if<Undecided>(&answer))
    return {&undecided->low, &undecided->full, "undecided", undecided->difference};
  const auto& one = std::get<Unconfirmed>(answer);
  return {one.low ? &*one.low : nullptr, one.full ? &*one.full : nullptr, "unconfirmed", one.why};
}

struct OrderShown {
  unsigned order = 0;
  Count count;
  std::vector<CutSet> sets;
};

// By the engine that tries, as far as it came; by diagrams beyond that.
std::vector<OrderShown> orders_shown(const Parts& parts, const AnswerShown& shown) {
  std::vector<OrderShown> orders;
  const unsigned tried = parts.low == nullptr ? 0 : parts.low->orders();
  std::vector<Count> counts;
  if (parts.full != nullptr) counts = parts.full->by_order(shown.order);
  const bool always =
      (parts.low != nullptr && parts.low->always()) || (!counts.empty() && counts[0] == Count(1));
  if (always) return {{0, Count(1), {{}}}};
  for (unsigned order = 1; order <= shown.order; ++order) {
    if (order <= tried)
      orders.push_back(
          {order, Count(parts.low->count(order)), parts.low->list(order, shown.listed)});
    else if (parts.full != nullptr)
      orders.push_back({order, counts[order], parts.full->list(order, shown.listed)});
  }
  return orders;
}

std::string names_text(const FaultTree& tree, const CutSet& set) {
  std::string text;
  for (const NodeId event : set) text += (text.empty() ? "" : " + ") + tree.name_of(event);
  return text.empty() ? "nothing needs to fail" : text;
}

std::string state_text(const Parts& parts) {
  if (parts.state == "agreed") return "both engines agree";
  if (parts.state == "undecided")
    return "UNDECIDED, the engines contradict each other: " + parts.why;
  return "by one engine only: " + parts.why;
}

std::string importance_text(const FaultTree& tree, const FullSet& full) {
  constexpr std::size_t most = 10;
  std::vector<Importance> importances = full.importances();
  std::ranges::stable_sort(importances, std::ranges::greater{}, &Importance::birnbaum);
  std::string text = fmt::format("probability of the top event: {:.9g}\n", full.probability());
  for (std::size_t i = 0; i < importances.size() && i < most; ++i) {
    const Importance& one = importances[i];
    text += fmt::format("  {}: Birnbaum {:.6g}", tree.name_of(one.event), one.birnbaum);
    if (one.fussell_vesely) text += fmt::format(", Fussell-Vesely {:.6g}", *one.fussell_vesely);
    text += '\n';
  }
  if (importances.size() > most)
    text += fmt::format("  {} more events (--json has all)\n", importances.size() - most);
  return text;
}

}  // namespace

int exit_code(const Answer& answer) {
  const Parts parts = parts_of(answer);
  if (parts.state == "undecided") return 3;
  if (parts.low != nullptr && parts.low->orders() >= 1)
    return parts.low->always() || parts.low->count(1) > 0 ? 1 : 0;
  if (parts.full == nullptr) return 3;
  const std::vector<Count> counts = parts.full->by_order(1);
  return counts[0] == Count() && counts[1] == Count() ? 0 : 1;
}

std::string answer_text(const FaultTree& tree, const Answer& answer, const AnswerShown& shown) {
  const Parts parts = parts_of(answer);
  std::string text = fmt::format("{}: {} events, {} gates; {}\n", tree.name(), tree.events(),
                                 tree.nodes() - tree.events(), state_text(parts));
  for (const OrderShown& order : orders_shown(parts, shown)) {
    text += fmt::format("minimal cut sets of order {}: {}\n", order.order, order.count.text());
    for (const CutSet& set : order.sets) text += fmt::format("  {}\n", names_text(tree, set));
    if (order.count != Count(order.sets.size())) text += "  ... (--list N writes more)\n";
  }
  if (shown.total && parts.full != nullptr)
    text += fmt::format("minimal cut sets of any order: {}\n", parts.full->total().text());
  if (parts.full != nullptr && tree.quantified()) text += importance_text(tree, *parts.full);
  return text;
}

json::object answer_json(const FaultTree& tree, const Answer& answer, const AnswerShown& shown) {
  const Parts parts = parts_of(answer);
  json::array orders;
  for (const OrderShown& order : orders_shown(parts, shown)) {
    json::array sets;
    for (const CutSet& set : order.sets) {
      json::array names;
      for (const NodeId event : set) names.emplace_back(tree.name_of(event));
      sets.push_back(std::move(names));
    }
    // A count may be larger than any number that a reader of JSON can hold.
    orders.push_back(
        {{"order", order.order}, {"count", order.count.text()}, {"cut_sets", std::move(sets)}});
  }
  json::object object{{"schema", 1},
                      {"tree", tree.name()},
                      {"events", tree.events()},
                      {"gates", tree.nodes() - tree.events()},
                      {"state", parts.state},
                      {"why", parts.why},
                      {"exit_code", exit_code(answer)},
                      {"orders", std::move(orders)}};
  if (shown.total && parts.full != nullptr) object["total"] = parts.full->total().text();
  if (parts.full == nullptr || !tree.quantified()) return object;
  object["probability"] = parts.full->probability();
  json::array importances;
  for (const Importance& one : parts.full->importances())
    importances.push_back({{"event", tree.name_of(one.event)},
                           {"birnbaum", one.birnbaum},
                           {"fussell_vesely", one.fussell_vesely ? json::value(*one.fussell_vesely)
                                                                 : json::value(nullptr)}});
  object["importances"] = std::move(importances);
  return object;
}

}  // namespace nospof::analysis
