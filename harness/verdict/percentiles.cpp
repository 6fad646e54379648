#include "verdict/percentiles.hpp"

#include <algorithm>
#include <vector>

namespace nospof::verdict {

void Counts::add(const Counts& other) {
  total += other.total;
  failed += other.failed;
  unknown += other.unknown;
  for (std::size_t i = 0; i < classes.size(); ++i) classes.at(i) += other.classes.at(i);
}

std::optional<double> Counts::availability() const {
  if (total == 0) return std::nullopt;
  return static_cast<double>(total - failed) / static_cast<double>(total);
}

void Counts::add(const kinds::Sample& sample) {
  ++classes.at(static_cast<std::size_t>(sample.outcome));
  switch (service_of(sample.outcome)) {
    case Service::served:
      ++total;
      break;
    case Service::failed:
      ++total;
      ++failed;
      break;
    case Service::unknown:
      ++unknown;
      break;
  }
}

Counts count(std::span<const kinds::Sample> samples) {
  Counts counts;
  for (const kinds::Sample& sample : samples) counts.add(sample);
  return counts;
}

bool answered(const kinds::Sample& sample) {
  return sample.outcome == kinds::Outcome::ok || sample.outcome == kinds::Outcome::slow;
}

Nanoseconds latency_of(const kinds::Sample& sample) {
  return Nanoseconds(sample.finished_ns - sample.scheduled_ns);
}

Nanoseconds service_time_of(const kinds::Sample& sample) {
  return Nanoseconds(sample.finished_ns - sample.started_ns);
}

namespace {

// `at` gives the value of a percentile.
template <typename At>
Latencies figures(std::uint64_t answered, const At& at) {
  Latencies result;
  result.answered = answered;
  result.p50 = at({0.5});
  result.p90 = at({0.9});
  result.p99 = at({0.99});
  result.p999 = at({0.999});
  result.p9999 = at({0.9999});
  result.max = at({1.0});
  return result;
}

}  // namespace

Latencies latencies(std::span<const kinds::Sample> samples) {
  std::vector<Nanoseconds> sorted;
  for (const kinds::Sample& sample : samples)
    if (answered(sample)) sorted.push_back(latency_of(sample));
  if (sorted.empty()) return {};
  std::ranges::sort(sorted);
  return figures(sorted.size(), [&sorted](spec::Percent percentile) {
    return sorted[nearest_rank(sorted.size(), percentile) - 1];
  });
}

Latencies latencies(const Histogram& histogram) {
  return figures(histogram.count(),
                 [&histogram](spec::Percent percentile) { return histogram.value_at(percentile); });
}

}  // namespace nospof::verdict
