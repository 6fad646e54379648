// The bounds that back-ends of netem are held to: what is right passes, what is a little wrong does
// not.

#include "tests/support/netem_expectations.hpp"

#include <cmath>
#include <functional>
#include <random>

#include <gtest/gtest.h>

#include "faults/netem_distribution.hpp"

namespace nospof::test {
namespace {

using namespace std::chrono_literals;
using Distribution = faults::NetemSettings::Distribution;

/// What arrives of a packet: at which times after it was sent.
using Network = std::function<std::vector<Nanoseconds>(std::mt19937&)>;

NetemTrace run(std::size_t packets, const Network& network, std::uint32_t seed = 20) {
  std::mt19937 random(seed);
  NetemTrace trace;
  std::vector<std::pair<Nanoseconds, std::uint32_t>> arrivals;
  for (std::uint32_t i = 0; i < packets; ++i) {
    const Nanoseconds sent = i * 100us;
    trace.sent(sent);
    for (const Nanoseconds after : network(random)) arrivals.emplace_back(sent + after, i);
  }
  std::stable_sort(arrivals.begin(), arrivals.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [at, number] : arrivals) trace.arrived(netem_payload(number, 32), at);
  return trace;
}

bool happens(std::mt19937& random, double share) {
  return std::uniform_real_distribution<double>(0, 1)(random) < share;
}

NetemTrace lossy(double share) {
  return run(enough_packets, [share](std::mt19937& random) {
    return happens(random, share) ? std::vector<Nanoseconds>{} : std::vector<Nanoseconds>{1ms};
  });
}

TEST(NetemExpectations, PayloadsAreKnownAgainWhicheverBitIsFlipped) {
  for (std::size_t bit = 0; bit < 40 * 8; ++bit) {
    NetemTrace trace;
    for (int i = 0; i < 100; ++i) trace.sent(0ns);
    std::string payload = netem_payload(70, 40);
    payload[bit / 8] = static_cast<char>(payload[bit / 8] ^ (1 << (bit % 8)));
    trace.arrived(payload, 5ms);
    ASSERT_EQ(trace.arrivals().size(), 1U);
    EXPECT_EQ(trace.arrivals()[0].number, 70U);
    EXPECT_EQ(trace.arrivals()[0].flipped_bits, 1U);
    EXPECT_EQ(trace.delays(), std::vector<Nanoseconds>{5ms});
  }
  NetemTrace trace;
  trace.sent(0ns);
  trace.arrived("something of somebody else's", 1ms);
  trace.arrived("short", 1ms);
  EXPECT_EQ(trace.strangers(), 2U);
  EXPECT_TRUE(trace.arrivals().empty());
}

TEST(NetemExpectations, MeanDelay) {
  const auto delayed = [](Nanoseconds delay) {
    return run(1000, [delay](std::mt19937&) { return std::vector<Nanoseconds>{delay}; });
  };
  EXPECT_TRUE(mean_delay_is(delayed(100ms), 100ms));
  EXPECT_TRUE(mean_delay_is(delayed(101'900us), 100ms));
  EXPECT_FALSE(mean_delay_is(delayed(102'100us), 100ms));
  EXPECT_TRUE(mean_delay_is(delayed(1'290us), 1ms));
  EXPECT_FALSE(mean_delay_is(delayed(1'310us), 1ms));
  EXPECT_FALSE(mean_delay_is(NetemTrace(), 1ms));
  EXPECT_TRUE(passes_untouched(delayed(1ms)));
}

TEST(NetemExpectations, SharesAreHeldToBinomialBounds) {
  EXPECT_TRUE(share_lost_is(lossy(0.1), 0.1));
  EXPECT_FALSE(share_lost_is(lossy(0.1), 0.11));
  EXPECT_FALSE(share_lost_is(lossy(0.1), 0.09));
  EXPECT_FALSE(passes_untouched(lossy(0.1)));
  const auto few = run(enough_packets - 1, [](std::mt19937&) { return std::vector{1'000'000ns}; });
  EXPECT_FALSE(share_lost_is(few, 0));

  const auto doubled = run(enough_packets, [](std::mt19937& random) {
    return happens(random, 0.05) ? std::vector<Nanoseconds>{1ms, 1ms}
                                 : std::vector<Nanoseconds>{1ms};
  });
  EXPECT_TRUE(share_duplicated_is(doubled, 0.05));
  EXPECT_FALSE(share_duplicated_is(doubled, 0.06));

  const auto ahead = run(enough_packets, [](std::mt19937& random) {
    return std::vector<Nanoseconds>{happens(random, 0.25) ? 0ms : 10ms};
  });
  EXPECT_TRUE(share_reordered_is(ahead, 10ms, 0.25));
  EXPECT_FALSE(share_reordered_is(ahead, 10ms, 0.27));
  EXPECT_DOUBLE_EQ(share_ahead_with_gap(1, 0.25), 0.25);
  EXPECT_DOUBLE_EQ(share_ahead_with_gap(5, 1), 0.2);
}

TEST(NetemExpectations, CorruptionIsOneBit) {
  const auto corrupted = [](int bits) {
    std::mt19937 random(3);
    NetemTrace trace;
    for (std::uint32_t i = 0; i < enough_packets; ++i) trace.sent(0ns);
    for (std::uint32_t i = 0; i < enough_packets; ++i) {
      std::string payload = netem_payload(i, 64);
      if (happens(random, 0.02)) payload[20] = static_cast<char>(payload[20] ^ bits);
      trace.arrived(payload, 1ms);
    }
    return trace;
  };
  EXPECT_TRUE(share_corrupted_is(corrupted(4), 0.02));
  EXPECT_FALSE(share_corrupted_is(corrupted(4), 0.03));
  EXPECT_FALSE(share_corrupted_is(corrupted(5), 0.02));
}

NetemTrace jittered(Distribution distribution, double scale) {
  return run(4000, [distribution, scale](std::mt19937& random) {
    const double share = std::uniform_real_distribution<double>(0, 1)(random);
    double low = -5;
    double high = 5;
    for (int i = 0; i < 40; ++i) {
      const double middle = (low + high) / 2;
      (share_below(distribution, middle) < share ? low : high) = middle;
    }
    return std::vector{50ms + Nanoseconds(static_cast<std::int64_t>(low * scale * 1e6)) + 80us};
  });
}

TEST(NetemExpectations, DistributionsAreToldApart) {
  constexpr std::array all = {Distribution::uniform, Distribution::normal, Distribution::pareto,
                              Distribution::paretonormal};
  for (const Distribution actual : all) {
    const NetemTrace trace = jittered(actual, 10);
    for (const Distribution asked : all) {
      const auto answer = delays_follow(trace, 50ms, 10ms, asked);
      EXPECT_EQ(bool(answer), actual == asked)
          << static_cast<int>(actual) << " " << static_cast<int>(asked) << " " << answer.message();
    }
  }
  EXPECT_FALSE(delays_follow(jittered(Distribution::normal, 12), 50ms, 10ms, Distribution::normal));
  EXPECT_FALSE(
      delays_follow(jittered(Distribution::uniform, 9), 50ms, 10ms, Distribution::uniform));
}

// As the kernel draws it from the table that it is given, 80 us late; the bound is one that of a
// thousand samples one misses.
TEST(NetemExpectations, ADistributionIsSeldomTakenForAnother) {
  constexpr std::uint32_t samples = 40;
  for (const Distribution distribution : {Distribution::uniform, Distribution::normal,
                                          Distribution::pareto, Distribution::paretonormal}) {
    const auto table = faults::distribution_table(distribution);
    int refused = 0;
    for (std::uint32_t seed = 0; seed < samples; ++seed) {
      const NetemTrace trace = run(
          1500,
          [&](std::mt19937& random) {
            const auto draw = static_cast<std::uint32_t>(random());
            return std::vector{faults::drawn_delay(100ms, 20ms, draw, table) + 80us};
          },
          seed);
      if (!delays_follow(trace, 100ms, 20ms, distribution)) ++refused;
    }
    EXPECT_LE(refused, 1) << static_cast<int>(distribution);
  }
}

TEST(NetemExpectations, BurstsOfLoss) {
  const auto bursty = [](double p, double r) {
    bool bad = false;
    return run(5 * enough_packets, [bad, p, r](std::mt19937& random) mutable {
      const bool lost = bad;
      bad = bad ? !happens(random, r) : happens(random, p);
      return lost ? std::vector<Nanoseconds>{} : std::vector<Nanoseconds>{1ms};
    });
  };
  EXPECT_TRUE(loss_bursts_are(bursty(0.02, 0.2), 5, 0.02 / 0.22));
  EXPECT_FALSE(loss_bursts_are(bursty(0.02, 0.25), 5, 0.02 / 0.22));
  EXPECT_FALSE(loss_bursts_are(lossy(0.09), 5, 0.09));
}

TEST(NetemExpectations, LossInTwoStates) {
  constexpr faults::GemodelLoss asked{0.05, 0.2, 0.7, 0.01};
  const auto lost_by = [](const faults::GemodelLoss& loss, std::uint32_t seed) {
    return run(
        enough_packets,
        [loss, bad = false](std::mt19937& random) mutable {
          const bool lost = happens(random, bad ? loss.loss_in_bad : loss.loss_in_good);
          bad = bad ? !happens(random, loss.r) : happens(random, loss.p);
          return lost ? std::vector<Nanoseconds>{} : std::vector<Nanoseconds>{1ms};
        },
        seed);
  };
  // Were packets taken for independent, one of eight would be refused.
  for (std::uint32_t seed = 0; seed < 20; ++seed)
    EXPECT_TRUE(share_lost_by_two_states_is(lost_by(asked, seed), asked)) << seed;
  EXPECT_FALSE(share_lost_by_two_states_is(lost_by({0.05, 0.2, 0.3, 0.01}, 1), asked));
  EXPECT_FALSE(share_lost_by_two_states_is(lost_by({0.05, 0.2, 0.7, 0.05}, 1), asked));
  EXPECT_FALSE(share_lost_by_two_states_is(lost_by({0.03, 0.2, 0.7, 0.01}, 1), asked));
}

TEST(NetemExpectations, Rate) {
  // 32 bytes each 100 us.
  const auto even = run(1000, [](std::mt19937&) { return std::vector<Nanoseconds>{1ms}; });
  EXPECT_TRUE(rate_is(even, 2'560'000, 32));
  EXPECT_TRUE(rate_is(even, 2'500'000, 32));
  EXPECT_FALSE(rate_is(even, 2'480'000, 32));
  EXPECT_FALSE(rate_is(even, 2'640'000, 32));
}

TEST(NetemExpectations, ARateIsNotMissedWhereTheMachineStoodStill) {
  const auto late_from = [](std::uint64_t first, Nanoseconds by) {
    return run(1000, [=, sent = std::uint64_t{0}](std::mt19937&) mutable {
      return std::vector<Nanoseconds>{++sent > first ? 1ms + by : 1ms};
    });
  };
  EXPECT_TRUE(rate_is(late_from(550, 10ms), 2'560'000, 32));
  EXPECT_TRUE(rate_is(late_from(550, 10ms), 2'330'000, 32)) << "in all";
  EXPECT_FALSE(rate_is(late_from(550, 10ms), 2'440'000, 32));
  EXPECT_FALSE(rate_is(late_from(550, 30ms), 2'560'000, 32)) << "that is no moment";
  EXPECT_FALSE(rate_is(late_from(550, -10ms), 2'560'000, 32)) << "too much came through";
}

}  // namespace
}  // namespace nospof::test
