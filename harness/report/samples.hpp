#pragma once
// A probe's samples as a short table for people.

#include <cstdint>
#include <string>

#include "kinds/sample.hpp"
#include "system/clock.hpp"
#include "verdict/histogram.hpp"
#include "verdict/outages.hpp"
#include "verdict/percentiles.hpp"

namespace nospof::report {

struct SampleSource {
  std::string probe;
  Nanoseconds period{};
  Nanoseconds wall_minus_mono{};  ///< 0: the wall-clock time is not known
  Nanoseconds settle{};           ///< an outage is over when all is served for so long
  Nanoseconds clock{};            ///< how far the prober's clock may be off the controller's
};

/// Its memory does not grow with the samples.
class SampleSummary {
 public:
  explicit SampleSummary(SampleSource source);

  /// In the order of verdict::earlier().
  void add(const kinds::Sample& sample);
  /// After the last sample: how many of each outcome, latency and service time of right answers,
  /// the longest outage.
  std::string table();

 private:
  std::string head() const;
  std::string outcomes() const;
  void take(verdict::Outage outage);

  SampleSource source_;
  std::uint64_t count_ = 0;
  std::int64_t first_due_ns_ = 0;
  std::int64_t last_due_ns_ = 0;
  verdict::Counts counts_;
  verdict::Histogram latency_;
  verdict::Histogram service_time_;
  verdict::OutageFinder outages_;
  verdict::Interval longest_;
};

}  // namespace nospof::report
