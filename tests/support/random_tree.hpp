#pragma once
// Fault trees made at random, for tests and benchmarks.

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "analysis/fault_tree.hpp"

namespace nospof::test {

struct TreeShape {
  unsigned least_events = 2;
  unsigned events = 8;  ///< at most
  unsigned gates = 8;   ///< at most
  unsigned arguments = 4;
  bool coherent = true;
  bool houses = true;
  bool probabilities = true;
  bool common_causes = true;
  /// Whether arguments of a voting gate may depend on one event.
  bool votes_share = true;
};

/// Every gate takes earlier gates and events, so that they share parts; the last one is the top
/// event.
class RandomTree {
 public:
  RandomTree(const TreeShape& shape, std::mt19937& random) : shape_(shape), random_(random) {}

  analysis::FaultTree make(const std::string& name = "random") {
    analysis::TreeBuilder builder(name);
    std::vector<analysis::TreeBuilder::Item> items;
    const unsigned events = between(shape_.least_events, shape_.events);
    const double common = 0.1;
    for (unsigned i = 0; i < events; ++i) {
      analysis::EventOptions options;
      if (shape_.probabilities) options.probability = i < 2 ? common : 0.01 * between(0, 60);
      items.push_back(builder.event("e" + std::to_string(i), options));
      // e0 and e1 may get a common cause.
      note(items.back(), i == 1 && shape_.common_causes ? 1 : std::uint64_t{1} << i);
    }
    if (shape_.houses && chance(0.15)) {
      items.push_back(builder.house("house", chance(0.3)));
      note(items.back(), 0);
    }
    const unsigned gates = between(1, shape_.gates);
    analysis::TreeBuilder::Item last{};
    for (unsigned i = 0; i < gates; ++i) {
      // The latest ones are likelier, or most of the tree would lead nowhere.
      const std::vector<Item> arguments = chosen(items);
      last = gate(builder, "g" + std::to_string(i), arguments);
      note(last, all_below(arguments));
      items.push_back(last);
    }
    builder.top(last);
    if (shape_.common_causes && events > 2 && chance(0.2))
      builder.common_cause("shared", {"e0", "e1"}, 0.2);
    return std::move(builder).build();
  }

 private:
  using Item = analysis::TreeBuilder::Item;

  unsigned between(unsigned least, unsigned most) {
    return std::uniform_int_distribution<unsigned>(least, most)(random_);
  }
  bool chance(double share) { return std::uniform_real_distribution<>(0, 1)(random_) < share; }

  std::vector<Item> chosen(std::vector<Item> items) {
    std::shuffle(items.begin(), items.end() - (items.size() > 3 ? 1 : 0), random_);
    const auto most = static_cast<unsigned>(std::min<std::size_t>(items.size(), shape_.arguments));
    const std::size_t count = between(std::min(2U, most), most);
    std::vector<Item> result(items.end() - static_cast<std::ptrdiff_t>(count), items.end());
    std::shuffle(result.begin(), result.end(), random_);
    return result;
  }

  Item gate(analysis::TreeBuilder& builder, const std::string& name, std::vector<Item> arguments) {
    using analysis::Connective;
    const auto count = static_cast<unsigned>(arguments.size());
    const unsigned kind = between(0, shape_.coherent ? 4 : 7);
    if (kind == 5) return builder.gate(name, Connective::negation, {arguments[0]});
    if (kind > 5 && count >= 2)
      return builder.gate(name, kind == 6 ? Connective::exclusive : Connective::equivalent,
                          {arguments[0], arguments[1]});
    if (kind == 4 && shape_.votes_share)
      return builder.at_least(name, between(1, count), arguments);
    if (kind == 4) {
      const std::vector<Item> apart = apart_from_each_other(arguments);
      // Two of them would be no vote.
      if (apart.size() < 3) return builder.gate(name, Connective::any, arguments);
      return builder.at_least(name, between(2, static_cast<unsigned>(apart.size()) - 1), apart);
    }
    return builder.gate(name, kind < 2 ? Connective::any : Connective::all, arguments);
  }

  void note(Item item, std::uint64_t events) {
    below_.resize(std::max<std::size_t>(below_.size(), item.index + 1));
    below_[item.index] = events;
  }
  std::uint64_t all_below(const std::vector<Item>& items) const {
    std::uint64_t events = 0;
    for (const Item item : items) events |= below_[item.index];
    return events;
  }
  std::vector<Item> apart_from_each_other(const std::vector<Item>& items) const {
    std::vector<Item> result;
    for (const Item item : items)
      if ((below_[item.index] & all_below(result)) == 0) result.push_back(item);
    return result;
  }

  const TreeShape& shape_;
  std::mt19937& random_;
  std::vector<std::uint64_t> below_;  // by item: the events that it depends on, one bit each
};

}  // namespace nospof::test
