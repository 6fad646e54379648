#include "verdict/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace nospof::verdict {

namespace {

constexpr std::size_t half = 1024;  // buckets that a power of two is cut into
constexpr std::int64_t largest_ns = 3'600'000'000'000;

constexpr std::size_t index_of(std::int64_t value_ns) {
  if (value_ns <= 0) return 0;
  const auto value = static_cast<std::uint64_t>(value_ns);
  constexpr auto linear = static_cast<std::size_t>(std::bit_width(2 * half - 1));
  const auto width = static_cast<std::size_t>(std::bit_width(value));
  const std::size_t shift = std::max(width, linear) - linear;
  return half * shift + static_cast<std::size_t>(value >> shift);
}

constexpr std::size_t beyond = index_of(largest_ns) + 1;  // the bucket of what is above the range

constexpr std::size_t bucket_of(std::int64_t value_ns) {
  return std::min(index_of(value_ns), beyond);
}

constexpr std::size_t shift_of(std::size_t index) {
  return index < 2 * half ? 0 : index / half - 1;
}

constexpr std::int64_t lower_end(std::size_t index) {
  const std::size_t shift = shift_of(index);
  return static_cast<std::int64_t>((index - half * shift) << shift);
}

static_assert(beyond == 33'421);
static_assert(lower_end(index_of(largest_ns)) <= largest_ns && lower_end(beyond) > largest_ns);

}  // namespace

std::uint64_t nearest_rank(std::uint64_t count, spec::Percent percentile) {
  constexpr std::uint64_t whole = 1'000'000;
  const double share = std::clamp(percentile.fraction, 0.0, 1.0);
  const auto parts = static_cast<std::uint64_t>(std::llround(share * static_cast<double>(whole)));
  // In two steps, since the product of both may be too large.
  const std::uint64_t rank = count / whole * parts + (count % whole * parts + whole - 1) / whole;
  return count == 0 ? 0 : std::max<std::uint64_t>(rank, 1);
}

void Histogram::count_in(std::size_t index, std::uint64_t times) {
  if (index >= counts_.size()) counts_.resize(index + 1);
  counts_[index] += times;
  count_ += times;
}

std::int64_t Histogram::upper_end(std::size_t index) const {
  if (index == beyond) return max_ns_;
  return std::min(lower_end(index + 1) - 1, max_ns_);
}

void Histogram::add(Nanoseconds value, std::uint64_t times) {
  if (times == 0) return;
  min_ns_ = count_ == 0 ? value.count() : std::min(min_ns_, value.count());
  max_ns_ = count_ == 0 ? value.count() : std::max(max_ns_, value.count());
  count_in(bucket_of(value.count()), times);
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  min_ns_ = count_ == 0 ? other.min_ns_ : std::min(min_ns_, other.min_ns_);
  max_ns_ = count_ == 0 ? other.max_ns_ : std::max(max_ns_, other.max_ns_);
  for (const Bucket& bucket : other.buckets()) count_in(bucket.index, bucket.count);
}

std::optional<Nanoseconds> Histogram::min() const {
  return count_ == 0 ? std::nullopt : std::optional(Nanoseconds(min_ns_));
}

std::optional<Nanoseconds> Histogram::max() const {
  return count_ == 0 ? std::nullopt : std::optional(Nanoseconds(max_ns_));
}

std::optional<Nanoseconds> Histogram::mean() const {
  if (count_ == 0) return std::nullopt;
  double sum = 0;
  for (const Bucket& bucket : buckets()) {
    const auto first = static_cast<double>(std::max(lower_end(bucket.index), min_ns_));
    const auto last = static_cast<double>(upper_end(bucket.index));
    sum += (first + last) / 2 * static_cast<double>(bucket.count);
  }
  const std::int64_t mean_ns = std::llround(sum / static_cast<double>(count_));
  return Nanoseconds(std::clamp(mean_ns, min_ns_, max_ns_));
}

std::optional<Nanoseconds> Histogram::value_at(spec::Percent percentile) const {
  const std::uint64_t rank = nearest_rank(count_, percentile);
  std::uint64_t reached = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    reached += counts_[i];
    if (rank > 0 && reached >= rank) return Nanoseconds(upper_end(i));
  }
  return std::nullopt;
}

std::vector<Histogram::Bucket> Histogram::buckets() const {
  std::vector<Bucket> list;
  for (std::size_t i = 0; i < counts_.size(); ++i)
    if (counts_[i] > 0) list.push_back({i, counts_[i]});
  return list;
}

}  // namespace nospof::verdict
