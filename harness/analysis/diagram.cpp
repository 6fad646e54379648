#include "analysis/diagram.hpp"

#include <fmt/format.h>

#include "analysis/too_large.hpp"

namespace nospof::analysis {

namespace {

std::size_t hash_of(Level level, Ref low, Ref high) {
  std::uint64_t hash = (std::uint64_t{low} << 32U | high) * 0x9e3779b97f4a7c15U;
  hash = (hash ^ (hash >> 31U) ^ level) * 0xbf58476d1ce4e5b9U;
  return hash >> 20U;
}

}  // namespace

Diagram::Diagram(std::size_t most_nodes) : most_nodes_(most_nodes), table_(std::size_t{1} << 12U) {
  nodes_.push_back({no_level, 0, 0});
  nodes_.push_back({no_level, 1, 1});
}

Ref Diagram::make(Level level, Ref low, Ref high) {
  const std::size_t mask = table_.size() - 1;
  std::size_t slot = hash_of(level, low, high) & mask;
  for (; table_[slot] != 0; slot = (slot + 1) & mask) {
    const DiagramNode& node = nodes_[table_[slot]];
    if (node.level == level && node.low == low && node.high == high) return table_[slot];
  }
  if (nodes_.size() >= most_nodes_)
    throw TooLarge(fmt::format("its decision diagrams have more than {} nodes", most_nodes_));
  const auto made = static_cast<Ref>(nodes_.size());
  nodes_.push_back({level, low, high});
  table_[slot] = made;
  if (nodes_.size() * 2 > table_.size()) grow();
  return made;
}

void Diagram::grow() {
  table_.assign(table_.size() * 2, 0);
  const std::size_t mask = table_.size() - 1;
  for (std::size_t i = 2; i < nodes_.size(); ++i) {
    const DiagramNode& node = nodes_[i];
    std::size_t slot = hash_of(node.level, node.low, node.high) & mask;
    while (table_[slot] != 0) slot = (slot + 1) & mask;
    table_[slot] = static_cast<Ref>(i);
  }
}

std::vector<Ref> Diagram::below(Ref root, Ref from) const {
  if (root <= 1) return {};
  std::vector<bool> reached(root - from + 1);
  const auto reach = [&](Ref node) {
    if (node > 1) reached[node - from] = true;
  };
  reach(root);
  for (Ref node = root; node >= from; --node) {
    if (!reached[node - from]) continue;
    reach(nodes_[node].low);
    reach(nodes_[node].high);
  }
  std::vector<Ref> rising;
  for (Ref node = from; node <= root; ++node)
    if (reached[node - from]) rising.push_back(node);
  return rising;
}

Computed::Computed() : entries_(std::size_t{1} << 12U) {}

void Computed::keep(Ref f, Ref g, Ref h, Ref result) {
  constexpr std::size_t most = std::size_t{1} << 22U;
  // Small trees are not made to clear a large memory.
  if (++kept_ > entries_.size() && entries_.size() < most) {
    std::vector<Entry> old(entries_.size() * 4);
    old.swap(entries_);
    for (const Entry& entry : old)
      if (entry.result != unknown) entries_[slot(entry.f, entry.g, entry.h)] = entry;
  }
  entries_[slot(f, g, h)] = {f, g, h, result};
}

}  // namespace nospof::analysis
