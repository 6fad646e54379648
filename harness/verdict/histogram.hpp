#pragma once
// Figures of any number of durations in bounded memory, which can be added up: of several runs, or
// of parts that were counted side by side.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "spec/units.hpp"
#include "system/clock.hpp"

namespace nospof::verdict {

/// The place of a percentile among `count` sorted values, from 1: the smallest of which at least
/// that share is at or below it. The share counts in millionths; 0 for no values.
std::uint64_t nearest_rank(std::uint64_t count, spec::Percent percentile);

/// A log-linear histogram, after Gil Tene's HdrHistogram: linear within each power of two, so that
/// the width of a bucket grows with its values and three significant digits are kept everywhere.
///
/// The bucket of a value v in nanoseconds is
///
///     e = max(0, bit_width(v) - 11)      so that v >> e is below 2048
///     index = 1024 * e + (v >> e)
///
/// and a bucket with index i holds 2^e values from (i - 1024 * e) * 2^e on, where e = 0 below
/// 2048 and i / 1024 - 1 from there on. Buckets up to 2,047 ns so hold one value each. A wider
/// one is narrower than 1/1024 of any value in it: its upper end is less than 0.098 % above, its
/// middle at most 0.049 % away. One more bucket takes everything above 1 h, and bucket 0 what is
/// not above 0; for these only min() and max() are known.
///
/// At most 33,422 buckets (262 KiB), whatever is added. Without values there are no figures.
class Histogram {
 public:
  struct Bucket {
    std::size_t index = 0;
    std::uint64_t count = 0;
    friend bool operator==(const Bucket&, const Bucket&) = default;
  };

  void add(Nanoseconds value, std::uint64_t times = 1);
  /// Afterwards the same as if all values of both had been added here.
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::optional<Nanoseconds> min() const;  ///< exact
  std::optional<Nanoseconds> max() const;  ///< exact
  /// Each value taken as the middle of its bucket: at most 0.049 % off, up to 1 h.
  std::optional<Nanoseconds> mean() const;
  /// By nearest_rank(). Never below the value of that rank, and less than 0.098 % above it: the
  /// upper end of its bucket, or the largest value when that is less.
  std::optional<Nanoseconds> value_at(spec::Percent percentile) const;

  /// Those that are not empty, by index. With min() and max() they are all there is to know.
  std::vector<Bucket> buckets() const;

  friend bool operator==(const Histogram&, const Histogram&) = default;

 private:
  void count_in(std::size_t index, std::uint64_t times);
  std::int64_t upper_end(std::size_t index) const;

  std::vector<std::uint64_t> counts_;  // as long as the highest bucket that is not empty needs
  std::uint64_t count_ = 0;
  std::int64_t min_ns_ = 0;
  std::int64_t max_ns_ = 0;
};

}  // namespace nospof::verdict
