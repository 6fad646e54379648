#pragma once
// A set of configurations of a search, each a short run of numbers, kept whole: two different ones
// are never taken for the same. Internal to history.

#include <cstdint>
#include <span>
#include <vector>

namespace nospof::history {

class Seen {
 public:
  Seen();
  /// True when it was not there before.
  bool insert(std::span<const std::uint32_t> configuration);
  std::uint64_t size() const { return size_; }
  std::uint64_t bytes() const;

 private:
  struct Place {
    std::uint64_t hash = 0;
    std::uint64_t offset = 0;  ///< in numbers_, plus one; 0: free
  };
  void grow();
  bool stands_at(std::uint64_t offset, std::span<const std::uint32_t> configuration) const;

  std::vector<Place> table_;            // open addressing, a power of two
  std::vector<std::uint32_t> numbers_;  // length, then the configuration, one after the other
  std::uint64_t size_ = 0;
};

}  // namespace nospof::history
