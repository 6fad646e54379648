// What netem in userspace does to real packets, held to the bounds that both back-ends share.

#include <algorithm>

#include "fault_netem_user_fixture.hpp"

namespace nospof::test {
namespace {

using faults::GemodelLoss;
using faults::RandomLoss;
using faults::StateLoss;
using Direction = NetemScope::Direction;
using Distribution = NetemSettings::Distribution;

constexpr std::size_t ip_and_udp = 28;
constexpr std::size_t ethernet = 14;

TEST_F(UserspaceNetem, DelaysWhatGoesOut) {
  NetemSettings settings = roomy();
  settings.delay = 50ms;
  EXPECT_TRUE(in_time(settings, {.packets = 2000, .distance = 500us},
                      [](const NetemTrace& trace) { return mean_delay_is(trace, 50ms); }));
  inject(settings);
  EXPECT_TRUE(passes_untouched(send_numbered({.packets = 2000})));
  const auto answer = confirm();
  EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
  heal();
  const NetemTrace healed = send_numbered({.packets = 2000});
  EXPECT_TRUE(passes_untouched(healed));
  EXPECT_LT(std::ranges::min(healed.delays()), 10ms);
}

// The kernel stamps a packet that comes in before it is held: here the sender of the answer tells.
TEST_F(UserspaceNetem, DelaysWhatComesIn) {
  NetemSettings settings = roomy();
  settings.delay = 50ms;
  NetemScope scope = only_traffic(Direction::ingress);
  scope.ports = {9100};
  injection_ = prepare(settings, scope, h1());
  h1().in([&] { injection_->inject(); });
  for (int i = 0; i < 5; ++i) {
    EXPECT_GE(one_way(h2(), h1()), 50ms);
    EXPECT_GE(one_way(h3(), h1()), 50ms);
  }
  one_way(h1(), h2());
  const auto answer = confirm();
  EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
  EXPECT_THAT(answer.evidence, ::testing::HasSubstr("0 packets out and 10 in seen"));
}

TEST_F(UserspaceNetem, BothWaysAddUp) {
  NetemSettings settings = roomy();
  settings.delay = 50ms;
  NetemScope everything;
  everything.direction = Direction::both;
  everything.neighbours = {h2().address()};
  inject(settings, everything);
  const auto answer = confirm();
  EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
  EXPECT_GE(one_way(h1(), h2()), 50ms);
  EXPECT_GE(one_way(h2(), h1()), 50ms);
}

TEST_F(UserspaceNetem, JitterHasItsDistribution) {
  for (const auto distribution : {Distribution::uniform, Distribution::normal, Distribution::pareto,
                                  Distribution::paretonormal}) {
    NetemSettings settings = roomy();
    settings.delay = 60ms;
    settings.jitter = 12ms;
    settings.distribution = distribution;
    EXPECT_TRUE(in_time(settings, {.packets = 1500, .distance = 300us}, [&](const NetemTrace& t) {
      return delays_follow(t, 60ms, 12ms, distribution);
    })) << static_cast<int>(distribution);
  }
}

TEST_F(UserspaceNetem, LosesTheShareAskedFor) {
  NetemSettings settings;
  settings.loss = RandomLoss{0.1, 0};
  inject(settings);
  EXPECT_TRUE(share_lost_is(send_numbered({}), 0.1));
  const auto answer = confirm();
  EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
}

TEST_F(UserspaceNetem, LosesInBursts) {
  NetemSettings settings;
  settings.loss = GemodelLoss{0.02, 0.25, 1, 0};
  inject(settings);
  EXPECT_TRUE(loss_bursts_are(send_numbered({}), 4, 0.02 / 0.27));
  heal();
  settings.loss = StateLoss{0.02, 0.25, 0, 1, 0};
  inject(settings);
  EXPECT_TRUE(loss_bursts_are(send_numbered({}), 4, 0.02 / 0.27));
}

TEST_F(UserspaceNetem, LosesByTheShareOfEitherState) {
  NetemSettings settings;
  constexpr GemodelLoss loss{0.05, 0.2, 0.7, 0.01};
  settings.loss = loss;
  inject(settings);
  EXPECT_TRUE(share_lost_by_two_states_is(send_numbered({}), loss));
}

TEST_F(UserspaceNetem, DuplicatesTheShareAskedFor) {
  NetemSettings settings = roomy();
  settings.duplicate = 0.05;
  inject(settings);
  const NetemTrace trace = send_numbered({});
  EXPECT_TRUE(share_duplicated_is(trace, 0.05));
  EXPECT_TRUE(share_lost_is(trace, 0));
}

TEST_F(UserspaceNetem, FlipsOneBitInTheShareAskedFor) {
  NetemSettings settings;
  settings.corrupt = 0.05;
  inject(settings);
  constexpr std::size_t bytes = 1200;
  const NetemTrace trace = send_numbered({.packets = enough_packets + 1000, .bytes = bytes});
  // Hits in the headers make a packet vanish.
  constexpr double in_payload = static_cast<double>(bytes) / (bytes + ip_and_udp);
  constexpr double in_header = 1 - in_payload;
  EXPECT_TRUE(share_corrupted_is(trace, 0.05 * in_payload / (1 - 0.05 * in_header)));
  EXPECT_TRUE(share_lost_is(trace, 0.05 * in_header));
}

TEST_F(UserspaceNetem, ReordersTheShareAskedFor) {
  NetemSettings settings = roomy();
  settings.delay = 100ms;
  settings.reorder = 0.25;
  settings.gap = 5;
  inject(settings);
  EXPECT_TRUE(share_reordered_is(send_numbered({}), 100ms, share_ahead_with_gap(5, 0.25)));
}

TEST_F(UserspaceNetem, KeepsToTheRate) {
  NetemSettings settings = roomy();
  settings.rate_bits = 8'000'000;
  constexpr std::size_t bytes = 1000;
  const Traffic traffic{.packets = 1500, .bytes = bytes, .distance = 10us};
  EXPECT_TRUE(in_time(settings, traffic, [](const NetemTrace& trace) {
    return rate_is(trace, 8'000'000, bytes + ip_and_udp + ethernet);
  }));
  inject(settings);
  EXPECT_TRUE(passes_untouched(send_numbered({.packets = 200})));
}

TEST_F(UserspaceNetem, HoldsNoMoreThanItsLimit) {
  NetemSettings settings;
  settings.delay = 400ms;
  settings.limit = 100;
  inject(settings);
  // All are sent before the first one's time is over, unless the machine stands still.
  const NetemTrace trace = send_numbered({.packets = 500, .distance = 0us});
  const Nanoseconds took = trace.departures().back() - trace.departures().front();
  if (took < 400ms) {
    EXPECT_EQ(trace.arrivals().size(), 100U);
  }
}

TEST_F(UserspaceNetem, ReleasesInSlots) {
  NetemSettings settings = roomy();
  settings.slot_min = settings.slot_max = 50ms;
  settings.slot_packets = 20;
  inject(settings);
  const NetemTrace trace = send_numbered({.packets = 200, .distance = 100us});
  ASSERT_TRUE(passes_untouched(trace));
  const auto& arrivals = trace.arrivals();
  EXPECT_GE(arrivals.back().at - arrivals.front().at, 8 * 50ms);
  for (std::size_t i = 20; i < arrivals.size(); ++i)
    EXPECT_GE(arrivals[i].at - arrivals[i - 20].at, 40ms) << i;
}

TEST_F(UserspaceNetem, SeveralAtOnce) {
  NetemSettings settings = roomy();
  settings.delay = 40ms;
  settings.loss = RandomLoss{0.2, 0};
  settings.duplicate = 0.1;
  inject(settings);
  const NetemTrace trace = send_numbered({});
  // Lost is a packet that is not duplicated, or whose copies are both lost: netem decides once for
  // the pair, and once more for the duplicate.
  EXPECT_TRUE(share_lost_is(trace, 0.2 * 0.9));
  EXPECT_TRUE(share_duplicated_is(trace, 0.1 * 0.8 * 0.8));
  EXPECT_GE(std::ranges::min(trace.delays()), 40ms);
}

}  // namespace
}  // namespace nospof::test
