#include "probes/pace.hpp"

#include <algorithm>
#include <cmath>

#include "spec/units.hpp"

namespace nospof::probes {

namespace {

// When the second request of a much lower one is due does not fit into 64 bits.
constexpr double lowest_rate = 0.001;
constexpr double highest_rate = 100'000;
constexpr std::int64_t hour_ns = 3'600'000'000'000;
constexpr std::int64_t day_ns = 24 * hour_ns;
constexpr std::int64_t timeout_limit_ns = 600'000'000'000;

long double in_seconds(Nanoseconds duration) {
  return static_cast<long double>(duration.count()) / 1e9L;
}

Nanoseconds from_seconds(long double seconds) {
  return Nanoseconds(std::llround(seconds * 1e9L));
}

Schedule parse_schedule(ConfigKeys& keys) {
  Schedule schedule;
  schedule.rate_per_second = keys.rate("rate_per_second", lowest_rate, highest_rate);
  const bool ramp = keys.has("ramp_to_per_second");
  if (ramp != keys.has("ramp_over_ns"))
    keys.refuse(ramp ? "ramp_to_per_second without ramp_over_ns"
                     : "ramp_over_ns without ramp_to_per_second");
  if (ramp) {
    schedule.ramp_to_per_second = keys.rate("ramp_to_per_second", lowest_rate, highest_rate);
    schedule.ramp_over = Nanoseconds(keys.integer("ramp_over_ns", 0, 1'000'000, day_ns));
  }
  if (keys.has("phase_ns")) schedule.phase = Nanoseconds(keys.integer("phase_ns", 0, 0, hour_ns));
  return schedule;
}

}  // namespace

Nanoseconds Schedule::due(std::uint64_t sequence) const {
  const auto k = static_cast<long double>(sequence);
  const long double from = rate_per_second;
  if (ramp_to_per_second <= 0) return from_seconds(k / from);
  const long double to = ramp_to_per_second;
  const long double over = in_seconds(ramp_over);
  const long double in_ramp = (from + to) * over / 2;
  if (k > in_ramp) return from_seconds(over + (k - in_ramp) / to);
  // In this form nothing is divided by the difference of the rates, which may be nothing.
  const long double a = (to - from) / (2 * over);
  return from_seconds(2 * k / (from + std::sqrt(std::max(0.0L, from * from + 4 * a * k))));
}

Nanoseconds Schedule::until_first(WallTime now) const {
  if (!phase) return Nanoseconds(0);
  const long double period = 1 / static_cast<long double>(rate_per_second);
  const long double since = std::fmod(in_seconds(now.time_since_epoch() - *phase), period);
  const long double left = since <= 0 ? -since : period - since;
  return from_seconds(left);
}

Pace parse_pace(ConfigKeys& keys, const Pace& otherwise) {
  Pace pace = otherwise;
  pace.schedule = parse_schedule(keys);
  pace.timeout = Nanoseconds(
      keys.integer("timeout_ns", otherwise.timeout.count(), 1'000'000, timeout_limit_ns));
  pace.slow = Nanoseconds(keys.integer("slow_ns", std::min(otherwise.slow, pace.timeout).count(),
                                       1'000'000, pace.timeout.count()));
  pace.max_in_flight = static_cast<std::uint64_t>(keys.integer(
      "max_in_flight", static_cast<std::int64_t>(otherwise.max_in_flight), 1, 1'000'000));
  pace.count = static_cast<std::uint64_t>(keys.integer("count", 0, 0, std::int64_t{1} << 40U));
  return pace;
}

std::vector<spec::ParameterInfo> pace_parameters(const Pace& otherwise) {
  using spec::ParameterType;
  return {
      {"rate", ParameterType::rate, true, "", {}, "requests per second"},
      {"ramp-to", ParameterType::rate, false, "", {}, "rate that the ramp ends with"},
      {"ramp-over", ParameterType::duration, false, "", {}, "how long the ramp takes"},
      {"phase",
       ParameterType::duration,
       false,
       "",
       {},
       "offset from whole periods of the wall clock, so that several probes take turns"},
      {"timeout",
       ParameterType::duration,
       false,
       spec::format_duration(otherwise.timeout),
       {},
       "deadline, from the scheduled time"},
      {"slow",
       ParameterType::duration,
       false,
       spec::format_duration(otherwise.slow),
       {},
       "a right answer later than this is slow"},
      {"max-in-flight",
       ParameterType::integer,
       false,
       std::to_string(otherwise.max_in_flight),
       {},
       "requests under way at once; those due beyond it are local errors"},
      {"count", ParameterType::integer, false, "0", {}, "requests in all; 0: no end"},
  };
}

}  // namespace nospof::probes
