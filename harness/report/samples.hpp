#pragma once
// A probe's samples as a short table for people.

#include <string>
#include <vector>

#include "kinds/sample.hpp"
#include "system/clock.hpp"

namespace nospof::report {

struct SampleSet {
  std::string probe;
  Nanoseconds period{};
  Nanoseconds wall_minus_mono{};  ///< 0: the wall-clock time is not known
  Nanoseconds settle{};           ///< an outage is over when all is served for so long
  std::vector<kinds::Sample> samples;
};

/// How many of each outcome, latency and service time of right answers, the longest outage.
std::string samples_table(const SampleSet& set);

}  // namespace nospof::report
