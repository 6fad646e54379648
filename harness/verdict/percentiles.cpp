#include "verdict/percentiles.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace nospof::verdict {

std::optional<double> Counts::availability() const {
  if (total == 0) return std::nullopt;
  return static_cast<double>(total - failed) / static_cast<double>(total);
}

Counts count(std::span<const kinds::Sample> samples) {
  Counts counts;
  for (const kinds::Sample& sample : samples) {
    ++counts.classes.at(static_cast<std::size_t>(sample.outcome));
    const Service service = service_of(sample.outcome);
    if (service == Service::unknown) {
      ++counts.unknown;
      continue;
    }
    ++counts.total;
    if (service == Service::failed) ++counts.failed;
  }
  return counts;
}

Latencies latencies(std::span<const kinds::Sample> samples) {
  std::vector<std::int64_t> sorted;
  for (const kinds::Sample& sample : samples)
    if (sample.outcome == kinds::Outcome::ok || sample.outcome == kinds::Outcome::slow)
      sorted.push_back(sample.finished_ns - sample.scheduled_ns);
  Latencies result;
  result.answered = sorted.size();
  if (sorted.empty()) return result;
  std::ranges::sort(sorted);
  // Nearest rank: the smallest latency that at least `per_mille` of all do not exceed.
  const auto rank = [&sorted](std::size_t per_mille) {
    const std::size_t place = (sorted.size() * per_mille + 999) / 1000;
    return Nanoseconds(sorted[place - 1]);
  };
  result.p50 = rank(500);
  result.p90 = rank(900);
  result.p99 = rank(990);
  result.p999 = rank(999);
  result.max = Nanoseconds(sorted.back());
  return result;
}

}  // namespace nospof::verdict
