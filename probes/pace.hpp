#pragma once
// When a probe that asks is to ask, and how long it waits: what all such probes share.
//
// Open-loop: request k is due at a moment that follows from the start alone, whatever became of
// those before it.
//
// clang-format off
// The keys of the JSON configuration:
//   rate_per_second     number, required  from 0.001 to 100,000
//   ramp_to_per_second  number            the rate goes linearly from rate_per_second to this one
//   ramp_over_ns        integer           within this time from the start, and stays there
//   phase_ns            integer           so that several vantage hosts take turns: the first
//                                         request is due at the first moment when the wall clock,
//                                         less this, is a whole number of periods (of
//                                         rate_per_second) since the epoch; absent: at once
//   timeout_ns          integer           deadline, from the moment when it was due
//   slow_ns             integer           a right answer later than this is `slow`
//   max_in_flight       integer           requests under way; one due beyond it is a local-error
//   count               integer           stop after so many requests; absent or 0: when told to
// clang-format on

#include <cstdint>
#include <optional>
#include <vector>

#include "probes/config_keys.hpp"
#include "spec/catalogue.hpp"
#include "system/clock.hpp"

namespace nospof::probes {

/// When request k is due. In closed form, so that neither rounding nor lateness adds up:
///   without a ramp  t(k) = k / r
///   with one        k = r t + (R - r) t^2 / 2T  for t <= T, so with a = (R - r) / 2T
///                   t(k) = 2k / (r + sqrt(r^2 + 4ak));
///                   after T, t(k) = T + (k - n) / R, where n = (r + R) T / 2
struct Schedule {
  double rate_per_second = 0;     ///< r
  double ramp_to_per_second = 0;  ///< R; 0: no ramp
  Nanoseconds ramp_over{0};       ///< T
  std::optional<Nanoseconds> phase;

  /// Since the first request. Never decreases with `sequence`.
  Nanoseconds due(std::uint64_t sequence) const;
  /// From now until the first request; less than a period.
  Nanoseconds until_first(WallTime now) const;
};

struct Pace {
  Schedule schedule;
  Nanoseconds timeout = std::chrono::seconds(3);
  Nanoseconds slow = std::chrono::seconds(1);
  std::uint64_t max_in_flight = 20'000;
  std::uint64_t count = 0;  ///< 0: no end
};

/// Takes the keys above; `otherwise` has the defaults. Throws Error naming what is wrong.
Pace parse_pace(ConfigKeys& keys, const Pace& otherwise = {});

/// The same as parameters of a kind, with those defaults.
std::vector<spec::ParameterInfo> pace_parameters(const Pace& otherwise = {});

}  // namespace nospof::probes
