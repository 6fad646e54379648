#include "history/seen.hpp"

#include <algorithm>

namespace nospof::history {

namespace {

// MurmurHash3's 64-bit finalizer (Austin Appleby, public domain), over each number in turn.
std::uint64_t hash_of(std::span<const std::uint32_t> numbers) {
  std::uint64_t hash = numbers.size();
  for (const std::uint32_t number : numbers) {
    hash = (hash ^ number) * 0xff51afd7ed558ccdU;
    hash ^= hash >> 33U;
    hash *= 0xc4ceb9fe1a85ec53U;
    hash ^= hash >> 33U;
  }
  return hash;
}

}  // namespace

Seen::Seen() : table_(1024) {}

std::uint64_t Seen::bytes() const {
  return table_.capacity() * sizeof(Place) + numbers_.capacity() * sizeof(std::uint32_t);
}

bool Seen::stands_at(std::uint64_t offset, std::span<const std::uint32_t> configuration) const {
  const auto begin = numbers_.begin() + static_cast<std::ptrdiff_t>(offset);
  return *begin == configuration.size() &&
         std::equal(configuration.begin(), configuration.end(), begin + 1);
}

bool Seen::insert(std::span<const std::uint32_t> configuration) {
  if ((size_ + 1) * 4 > table_.size() * 3) grow();
  const std::uint64_t hash = hash_of(configuration);
  const std::uint64_t last = table_.size() - 1;
  std::uint64_t at = hash & last;
  for (; table_[at].offset != 0; at = (at + 1) & last) {
    if (table_[at].hash == hash && stands_at(table_[at].offset - 1, configuration)) return false;
  }
  table_[at] = {hash, numbers_.size() + 1};
  numbers_.push_back(static_cast<std::uint32_t>(configuration.size()));
  numbers_.insert(numbers_.end(), configuration.begin(), configuration.end());
  ++size_;
  return true;
}

void Seen::grow() {
  std::vector<Place> larger(table_.size() * 2);
  const std::uint64_t last = larger.size() - 1;
  for (const Place& place : table_) {
    if (place.offset == 0) continue;
    std::uint64_t at = place.hash & last;
    while (larger[at].offset != 0) at = (at + 1) & last;
    larger[at] = place;
  }
  table_.swap(larger);
}

}  // namespace nospof::history
