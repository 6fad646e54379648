#pragma once
// All minimal cut sets of a coherent tree, and exact probabilities of any tree, from decision
// diagrams. What there are too many of to write down is counted without being written down.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/fault_tree.hpp"
#include "analysis/low_orders.hpp"

namespace nospof::analysis {

struct Compiled;

struct DiagramLimits {
  /// Nodes of either kind of diagram; one takes about 30 bytes.
  std::size_t nodes = 8'000'000;
  /// Steps for Fussell-Vesely importances, which are left out beyond that.
  std::uint64_t importance_steps = 50'000'000;
};

/// A number of sets, exact however large.
class Count {
 public:
  Count() = default;
  explicit Count(std::uint64_t number) : digits_(std::to_string(number)) {}
  explicit Count(std::string digits) : digits_(std::move(digits)) {}
  const std::string& text() const { return digits_; }
  /// Nothing when it is larger than that.
  std::optional<std::uint64_t> number() const;
  bool operator==(const Count&) const = default;

 private:
  std::string digits_ = "0";
};

struct Importance {
  NodeId event = 0;
  /// dP(top)/dP(event): P(top | event) - P(top | not event). Z. W. Birnbaum (1969).
  double birnbaum = 0;
  /// P(some minimal cut set with the event has occurred | top). J. B. Fussell (1975), W. E. Vesely.
  /// Nothing for trees that are not coherent, when P(top) is 0, or when it would take too long.
  std::optional<double> fussell_vesely;
};

class FullSet {
 public:
  /// Throws Error when the tree's diagrams outgrow the limits ("... too large ..."). The tree must
  /// outlive this.
  explicit FullSet(const FaultTree& tree, const DiagramLimits& limits = {});
  ~FullSet();
  FullSet(FullSet&&) noexcept;
  FullSet& operator=(FullSet&&) = delete;

  // Minimal cut sets: each of these throws Error when the tree is not coherent.

  /// How many there are of any order. The empty set, when the top event always occurs, is one.
  Count total() const;
  /// How many there are of each order 0 .. `most`.
  std::vector<Count> by_order(unsigned most) const;
  /// The orders that there are; nothing when there is no cut set.
  std::optional<std::uint32_t> smallest_order() const;
  /// The first `most` of an order that are met, each rising.
  std::vector<CutSet> list(unsigned order, std::size_t most) const;
  bool contains(const CutSet& set) const;

  // Probabilities: each of these throws Error when an event has none that the top depends on.

  /// Exact, but for rounding.
  double probability() const;
  /// Of every event that matters, rising by id.
  std::vector<Importance> importances() const;

  /// How many nodes the diagrams have.
  std::size_t nodes() const;

 private:
  const Compiled& coherent() const;

  const FaultTree& tree_;
  DiagramLimits limits_;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace nospof::analysis
