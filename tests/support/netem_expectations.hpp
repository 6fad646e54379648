#pragma once
// What netem has to do to packets, measured: one set of bounds for every back-end. A test sends
// numbered packets, notes when each left and when it arrived, and asks here whether that is what
// was asked for. Every answer says the figure that it found and the bounds that it was held to.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "faults/netem_settings.hpp"
#include "system/clock.hpp"

namespace nospof::test {

/// What statistics on losses and the like are made of, at least.
inline constexpr std::size_t enough_packets = 20'000;

/// The payload of packet `number`: of a pattern that only it has, so that it is known again
/// whichever of its bits is flipped. At least 16 bytes.
std::string netem_payload(std::uint32_t number, std::size_t bytes);

struct NetemArrival {
  std::uint32_t number = 0;
  Nanoseconds at{0};
  unsigned flipped_bits = 0;
};

/// One measurement. Times are of one clock.
class NetemTrace {
 public:
  /// Packets are numbered from 0 on, in the order of sending.
  void sent(Nanoseconds at) { sent_.push_back(at); }
  /// In the order of arrival. Payloads that are nobody's are counted as strangers.
  void arrived(std::string_view payload, Nanoseconds at);

  const std::vector<Nanoseconds>& departures() const { return sent_; }
  const std::vector<NetemArrival>& arrivals() const { return arrivals_; }
  std::size_t strangers() const { return strangers_; }

  /// How often each packet arrived, by number.
  std::vector<unsigned> copies() const;
  /// Of the first copy of every packet that arrived, in the order of sending.
  std::vector<Nanoseconds> delays() const;

 private:
  std::vector<Nanoseconds> sent_;
  std::vector<NetemArrival> arrivals_;
  std::size_t strangers_ = 0;
};

/// Every packet arrived once, unchanged and in order.
::testing::AssertionResult passes_untouched(const NetemTrace& trace);

/// Mean delay within 2 % or 0.3 ms, whichever is more.
::testing::AssertionResult mean_delay_is(const NetemTrace& trace, Nanoseconds delay);

/// Kolmogorov-Smirnov at 99.9 %: the delays are of that distribution. Their mean may be off by as
/// much as mean_delay_is() lets pass; their shape and width may not.
::testing::AssertionResult delays_follow(const NetemTrace& trace, Nanoseconds delay,
                                         Nanoseconds jitter,
                                         faults::NetemSettings::Distribution distribution);

/// Within the bounds that 99.9 % of all binomial samples keep. At least `enough_packets`.
::testing::AssertionResult share_lost_is(const NetemTrace& trace, double share);
::testing::AssertionResult share_duplicated_is(const NetemTrace& trace, double share);
/// Corrupted is a packet with exactly one flipped bit; more than one is an error at once.
::testing::AssertionResult share_corrupted_is(const NetemTrace& trace, double share);
/// Sent ahead of the others: within less than half of `delay`, while the others take all of it.
::testing::AssertionResult share_reordered_is(const NetemTrace& trace, Nanoseconds delay,
                                              double share);

/// With gap N and a share P a packet goes ahead once in (N - 1 + 1/P) packets.
double share_ahead_with_gap(std::uint32_t gap, double share);

/// Losses come in runs, whose lengths are geometric with that mean; the share of losses in the long
/// run is `share`. For Gilbert-Elliott with all lost in bad: mean 1/r, share p/(p+r).
::testing::AssertionResult loss_bursts_are(const NetemTrace& trace, double mean_length,
                                           double share);

/// Of Gilbert and Elliott's two states each loses a share of its packets: bounds that 99.9 % of all
/// samples keep, on the share of all packets. At least `enough_packets`.
::testing::AssertionResult share_lost_by_two_states_is(const NetemTrace& trace,
                                                       const faults::GemodelLoss& loss);

/// Bits per second within 3 %, from the first arrival to the last one; or less because the machine
/// stood still now and then, which the median tenth of the packets does not show. `bytes` is what
/// one packet counts for at the place where the rate is limited.
::testing::AssertionResult rate_is(const NetemTrace& trace, std::uint64_t bits_per_second,
                                   std::size_t bytes);

/// The share of a distribution of mean 0 and width 1 that lies below x, as netem knows it.
double share_below(faults::NetemSettings::Distribution distribution, double x);

}  // namespace nospof::test
