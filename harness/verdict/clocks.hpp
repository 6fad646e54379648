#pragma once
// Times that other hosts told, on the controller's clock, and how well that is known. Pure.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "system/clock.hpp"

namespace nospof::verdict {

struct RunRecord;

/// "What time is it?", asked of a process on a host (event `clock`). Its clock was read between
/// the two moments of the controller's clock, so it is ahead of that by between
/// `host_ns - received_ns` and `host_ns - sent_ns` (F. Cristian, Probabilistic clock
/// synchronization, 1989).
struct ClockReading {
  std::string host;
  std::string boot_id;  ///< of the host's kernel: its clock begins anew with another boot
  std::int64_t sent_ns = 0;
  std::int64_t host_ns = 0;
  std::int64_t received_ns = 0;
  bool same = false;  ///< it is the controller's own clock: same boot, same time namespace
};

/// Two clocks drift apart by this share of time at most: 100 ppm each. Quartz is within 50 ppm, and
/// what corrects it (adjtimex) is about as large again.
inline constexpr double clock_drift = 200e-6;

/// How far a host's clock is ahead of the controller's at some time.
struct ClockOffset {
  Nanoseconds ahead{0};
  Nanoseconds uncertainty{0};  ///< the truth is within `ahead` plus or minus this
  bool consistent = true;      ///< the readings around that time can all be true
};

class HostClocks {
 public:
  HostClocks() = default;
  explicit HostClocks(const std::vector<ClockReading>& readings);

  bool known(const std::string& host) const { return boots_.contains(host); }
  /// Every reading of it said that it is the controller's own clock, or there is none.
  bool is_own(const std::string& host) const;
  /// At a time of its own clock; zero, for certain, when no reading is known of it: what was
  /// recorded before there were any was of one machine.
  ClockOffset at(const std::string& host, std::int64_t host_ns) const;
  /// The same for a time of the controller's clock.
  ClockOffset at_own(const std::string& host, std::int64_t own_ns) const;
  /// A time of a host's clock on the controller's.
  std::int64_t to_own(const std::string& host, std::int64_t host_ns) const;
  /// The largest of all readings, and between any two of them.
  ClockOffset worst(const std::string& host) const;
  std::vector<std::string> hosts() const;

 private:
  // Of one boot, in the order of time.
  using Boot = std::vector<ClockReading>;
  const Boot* boot_at(const std::string& host, std::int64_t host_ns) const;
  static ClockOffset offset_in(const Boot& boot, std::int64_t host_ns);

  std::map<std::string, std::vector<Boot>> boots_;
};

/// Every time in the record that another host told (steps, findings, rounds) becomes one of the
/// controller's clock, by the readings of the lab that it is of.
void map_event_times(RunRecord& run);
/// The same for the samples, which the workload's prober timed.
void map_sample_times(RunRecord& run);

}  // namespace nospof::verdict
