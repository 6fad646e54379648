#pragma once
// A table of bounded size that forgets what was not used for longest.

#include <cstddef>
#include <list>
#include <unordered_map>
#include <utility>

namespace nospof::probes {

template <typename Key, typename Value, typename Hash>
class RecentTable {
 public:
  /// `most`: entries, at least 1.
  explicit RecentTable(std::size_t most) : most_(most) {}

  /// The value of a key, which counts as used now; a new one when there is none. Stays where it is
  /// until another key is added or this one erased.
  Value& at(const Key& key) {
    if (Value* known = find(key)) return *known;
    if (entries_.size() >= most_) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, Value{});
    index_.emplace(key, entries_.begin());
    return entries_.front().second;
  }

  /// Nothing when there is none.
  Value* find(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }

  void erase(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return;
    entries_.erase(found->second);
    index_.erase(found);
  }

  std::size_t size() const { return entries_.size(); }

 private:
  using Entries = std::list<std::pair<Key, Value>>;
  std::size_t most_;
  Entries entries_;  ///< the last used first
  std::unordered_map<Key, typename Entries::iterator, Hash> index_;
};

}  // namespace nospof::probes
