#pragma once
// What both kinds of decision diagrams are made of: nodes that exist once each, and a memory of
// results. Internal to analysis.

#include <cstdint>
#include <vector>

namespace nospof::analysis {

/// A node, by number. 0 and 1 are the terminals. A node is made after its children, so its number
/// is larger than theirs.
using Ref = std::uint32_t;
/// Where a variable stands in the order; the top of a diagram has the smallest.
using Level = std::uint32_t;
constexpr Level no_level = 0xffffffff;  ///< of the terminals

struct DiagramNode {
  Level level;
  Ref low;   ///< the variable is false, or not in the set
  Ref high;  ///< it is true, or in the set
};

/// Holds every node once (unique table, open addressing).
class Diagram {
 public:
  /// Throws TooLarge when there are `most_nodes`.
  explicit Diagram(std::size_t most_nodes);

  Ref make(Level level, Ref low, Ref high);
  const DiagramNode& operator[](Ref node) const { return nodes_[node]; }
  Level level(Ref node) const { return nodes_[node].level; }
  std::size_t size() const { return nodes_.size(); }
  /// The nodes below `root` and itself, terminals left out, rising: children first. All of them are
  /// known to have been made when the diagram had the size `from` or later.
  std::vector<Ref> below(Ref root, Ref from = 2) const;

 private:
  void grow();

  std::size_t most_nodes_;
  std::vector<DiagramNode> nodes_;
  std::vector<Ref> table_;  // 0: free
};

/// Results that were computed before, some of them: a newer one takes the place of an older one
/// (computed cache, direct-mapped).
class Computed {
 public:
  Computed();
  /// The result for (f, g, h), if it is still known.
  bool find(Ref f, Ref g, Ref h, Ref& result) const {
    const Entry& entry = entries_[slot(f, g, h)];
    if (entry.f != f || entry.g != g || entry.h != h || entry.result == unknown) return false;
    result = entry.result;
    return true;
  }
  void keep(Ref f, Ref g, Ref h, Ref result);

 private:
  static constexpr Ref unknown = 0xffffffff;
  struct Entry {
    Ref f = 0;
    Ref g = 0;
    Ref h = 0;
    Ref result = unknown;
  };
  std::size_t slot(Ref f, Ref g, Ref h) const {
    std::uint64_t hash = (std::uint64_t{f} << 32U | g) * 0x9e3779b97f4a7c15U;
    hash = (hash ^ (hash >> 29U) ^ h) * 0xbf58476d1ce4e5b9U;
    return (hash >> 32U) & (entries_.size() - 1);
  }

  std::vector<Entry> entries_;
  std::size_t kept_ = 0;
};

}  // namespace nospof::analysis
