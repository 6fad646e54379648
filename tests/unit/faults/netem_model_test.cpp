// The decisions of the emulator, held to the same bounds as packets on a network.

#include "faults/netem_model.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "faults/netem_distribution.hpp"
#include "tests/support/netem_expectations.hpp"

namespace nospof::faults {
namespace {

using namespace std::chrono_literals;
using namespace nospof::test;
using Distribution = NetemSettings::Distribution;

constexpr std::uint32_t seed = 20261121;
constexpr std::size_t payload_size = 16;

struct Sent {
  std::uint32_t number;
  std::optional<std::uint32_t> flipped_bit;
};

// Packets at a fixed distance through model and queue; time stands still until something is due.
struct Packets {
  std::size_t packets = enough_packets;
  Nanoseconds distance = 100us;
  std::uint32_t bytes = payload_size;
  std::uint32_t link_header = 0;

  NetemTrace through(const NetemSettings& settings) const {
    NetemModel model(settings, seed, link_header);
    const MonoTime start{};
    HeldPackets<Sent> held(NetemSlots(settings, seed, start));
    NetemTrace trace;
    MonoTime clock = start;
    const auto pass_until = [&](MonoTime end) {
      for (auto due = held.next(clock); due && *due <= end; due = held.next(clock)) {
        clock = std::max(clock, *due);
        const auto sent = held.take(clock);
        if (!sent) continue;  // the slot has been drawn only now
        std::string payload = netem_payload(sent->number, payload_size);
        if (sent->flipped_bit) {
          const std::uint32_t bit = *sent->flipped_bit % (payload_size * 8);
          payload[bit / 8] = static_cast<char>(payload[bit / 8] ^ (1 << (bit % 8)));
        }
        trace.arrived(payload, clock.time_since_epoch());
      }
      clock = end;
    };
    for (std::uint32_t number = 0; number < packets; ++number) {
      const MonoTime now = start + number * distance;
      pass_until(now);
      trace.sent(now.time_since_epoch());
      const NetemFate fate = model.decide(now, bytes, held.size());
      for (std::size_t i = 0; i < fate.count; ++i)
        held.hold(fate.copies[i], bytes, Sent{number, fate.copies[i].flipped_bit});
    }
    pass_until(start + 1h);
    return trace;
  }
};

NetemSettings roomy() {
  NetemSettings settings;
  settings.limit = 1'000'000;
  return settings;
}

TEST(NetemModel, WithoutSettingsNothingHappens) {
  EXPECT_TRUE(passes_untouched(Packets{}.through(NetemSettings{})));
}

TEST(NetemModel, DelayIsExactAndKeepsTheOrder) {
  NetemSettings settings = roomy();
  settings.delay = 50ms;
  const NetemTrace trace = Packets{}.through(settings);
  EXPECT_TRUE(passes_untouched(trace));
  for (const Nanoseconds delay : trace.delays()) ASSERT_EQ(delay, 50ms);
}

TEST(NetemModel, JitterIsDistributedAsAskedFor) {
  for (const auto distribution : {Distribution::uniform, Distribution::normal, Distribution::pareto,
                                  Distribution::paretonormal}) {
    NetemSettings settings = roomy();
    settings.delay = 50ms;
    settings.jitter = 10ms;
    settings.distribution = distribution;
    const NetemTrace trace = Packets{.packets = 1500}.through(settings);
    EXPECT_TRUE(delays_follow(trace, 50ms, 10ms, distribution)) << static_cast<int>(distribution);
    EXPECT_FALSE(passes_untouched(trace)) << "jitter reorders";
  }
}

// As in the kernel, which takes the last digits of the correlated number.
TEST(NetemModel, CorrelationLeavesTheDistributionOfDelays) {
  NetemSettings settings = roomy();
  settings.delay = 50ms;
  settings.jitter = 10ms;
  settings.delay_correlation = 0.5;
  settings.distribution = Distribution::normal;
  EXPECT_TRUE(
      delays_follow(Packets{.packets = 1500}.through(settings), 50ms, 10ms, Distribution::normal));
}

TEST(NetemModel, CorrelatedDrawsResembleEachOther) {
  std::mt19937 random(seed);
  CorrelatedDraws draws(0.9, 1U << 31U);
  double step = 0;
  std::uint32_t last = draws.next(random);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint32_t next = draws.next(random);
    step += std::abs(static_cast<double>(next) - static_cast<double>(last)) / 10'000;
    last = next;
  }
  // A tenth of the distance between a new number and the last one, instead of a third of all.
  EXPECT_LT(step, 0.03 * 4294967296.0);
}

TEST(NetemModel, TablesAreThoseOfTc) {
  const std::vector<std::pair<Distribution, const char*>> tables = {
      {Distribution::normal, "normal"},
      {Distribution::pareto, "pareto"},
      {Distribution::paretonormal, "paretonormal"}};
  EXPECT_TRUE(distribution_table(Distribution::uniform).empty());
  for (const auto& [distribution, name] : tables) {
    const auto table = distribution_table(distribution);
    ASSERT_EQ(table.size(), 4096U);
    std::ifstream file(std::string("/usr/lib/x86_64-linux-gnu/tc/") + name + ".dist");
    if (!file) GTEST_SKIP() << "iproute2's tables are not where Debian has them";
    std::string comment;
    std::getline(file, comment);
    std::vector<int> theirs;
    for (int value = 0; file >> value;) theirs.push_back(value);
    ASSERT_EQ(theirs.size(), table.size()) << name;
    // Pareto's comes in the other order; a draw is as likely to hit one as the other.
    std::vector<int> ours(table.begin(), table.end());
    std::ranges::sort(ours);
    std::ranges::sort(theirs);
    for (std::size_t i = 0; i < ours.size(); ++i)
      ASSERT_NEAR(ours[i], theirs[i], 1) << name << " " << i;
  }
}

TEST(NetemModel, LossOnItsOwn) {
  NetemSettings settings;
  settings.loss = RandomLoss{0.1, 0};
  EXPECT_TRUE(share_lost_is(Packets{}.through(settings), 0.1));
  settings.loss = RandomLoss{0, 0};
  EXPECT_TRUE(passes_untouched(Packets{}.through(settings)));
  settings.loss = RandomLoss{1, 0};
  EXPECT_TRUE(Packets{}.through(settings).arrivals().empty());
}

TEST(NetemModel, CorrelatedLossComesInBursts) {
  NetemSettings settings;
  settings.loss = RandomLoss{0.3, 0.5};
  const auto copies = Packets{}.through(settings).copies();
  std::size_t lost = 0;
  std::size_t after_lost = 0;
  for (std::size_t i = 1; i < copies.size(); ++i)
    if (copies[i - 1] == 0) {
      ++lost;
      after_lost += copies[i] == 0 ? 1 : 0;
    }
  ASSERT_GT(lost, 1000U);
  const double share = static_cast<double>(lost) / static_cast<double>(copies.size());
  EXPECT_GT(static_cast<double>(after_lost) / static_cast<double>(lost), 1.3 * share);
}

TEST(NetemModel, GilbertElliottBursts) {
  NetemSettings settings;
  settings.loss = GemodelLoss{0.02, 0.25, 1, 0};
  EXPECT_TRUE(
      loss_bursts_are(Packets{.packets = 5 * enough_packets}.through(settings), 4, 0.02 / 0.27));
}

TEST(NetemModel, GilbertElliottLosesByItsState) {
  NetemSettings settings;
  // Each packet changes the state: half of them are lost by one half, half by a tenth.
  settings.loss = GemodelLoss{1, 1, 0.5, 0.1};
  EXPECT_TRUE(share_lost_is(Packets{}.through(settings), 0.3));
}

TEST(NetemModel, FourStates) {
  NetemSettings settings;
  settings.loss = StateLoss{0.02, 0.25, 0, 1, 0};
  EXPECT_TRUE(
      loss_bursts_are(Packets{.packets = 5 * enough_packets}.through(settings), 4, 0.02 / 0.27));
  // Isolated losses: after each comes one that is not lost.
  settings.loss = StateLoss{0, 1, 0, 1, 0.25};
  const NetemTrace alone = Packets{}.through(settings);
  EXPECT_TRUE(loss_bursts_are(alone, 1, 0.2));
}

TEST(NetemModel, DuplicatesArePacketsOfTheirOwn) {
  NetemSettings settings = roomy();
  settings.duplicate = 0.05;
  EXPECT_TRUE(share_duplicated_is(Packets{}.through(settings), 0.05));
  // A packet that is lost and duplicated passes once; a duplicate can be lost, too.
  settings.duplicate = 1;
  settings.loss = RandomLoss{0.2, 0};
  const NetemTrace trace = Packets{}.through(settings);
  EXPECT_EQ(std::ranges::count(trace.copies(), 0U), 0);
  EXPECT_TRUE(share_duplicated_is(trace, 0.8 * 0.8));
}

TEST(NetemModel, CorruptionFlipsOneBitAnywhere) {
  NetemSettings settings;
  settings.corrupt = 0.05;
  EXPECT_TRUE(share_corrupted_is(Packets{}.through(settings), 0.05));
  NetemModel model(settings, seed);
  std::vector<bool> hit(payload_size * 8);
  for (int i = 0; i < 200'000; ++i) {
    const auto bit = model.decide(MonoTime{}, payload_size, 0).copies[0].flipped_bit;
    if (bit) hit.at(*bit) = true;
  }
  EXPECT_EQ(std::ranges::count(hit, false), 0);
}

TEST(NetemModel, ReorderingSendsSomeAtOnce) {
  NetemSettings settings = roomy();
  settings.delay = 10ms;
  settings.reorder = 0.25;
  EXPECT_TRUE(share_reordered_is(Packets{}.through(settings), 10ms, 0.25));
  settings.gap = 5;
  EXPECT_TRUE(share_reordered_is(Packets{}.through(settings), 10ms, share_ahead_with_gap(5, 0.25)));
  settings.reorder = 0;
  const auto delays = Packets{.packets = 100}.through(settings).delays();
  for (std::size_t i = 0; i < delays.size(); ++i)
    EXPECT_EQ(delays[i], i % 5 == 4 ? 0ms : 10ms) << i;
}

TEST(NetemModel, RateMakesPacketsWaitForEachOther) {
  NetemSettings settings = roomy();
  settings.rate_bits = 8'000'000;
  const Packets run{.packets = 1000, .distance = 10us, .bytes = 986, .link_header = 14};
  EXPECT_TRUE(rate_is(run.through(settings), 8'000'000, 1000));
  EXPECT_EQ(run.through(settings).delays().front(), 1ms);
  // Jitter reorders nothing then.
  settings.delay = 5ms;
  settings.jitter = 4ms;
  EXPECT_TRUE(passes_untouched(run.through(settings)));
}

TEST(NetemModel, RateCountsOverheadAndCells) {
  NetemSettings settings = roomy();
  settings.rate_bits = 8'000'000;
  settings.packet_overhead = 10;
  settings.cell_size = 48;
  settings.cell_overhead = 5;
  // 100 + 10 bytes are 3 cells of 53.
  const Packets run{.packets = 500, .distance = 1us, .bytes = 100};
  EXPECT_TRUE(rate_is(run.through(settings), 8'000'000, 159));
}

TEST(NetemModel, SlotsReleaseTogether) {
  NetemSettings settings = roomy();
  settings.slot_min = settings.slot_max = 20ms;
  settings.slot_packets = 8;
  // Ten packets a millisecond come in, eight leave every 20 ms.
  const NetemTrace trace = Packets{.packets = 100}.through(settings);
  ASSERT_EQ(trace.arrivals().size(), 100U);
  std::map<Nanoseconds, int> together;
  for (const NetemArrival& arrival : trace.arrivals()) ++together[arrival.at];
  EXPECT_LE(together.size(), 20U);
  for (const auto& [at, count] : together) EXPECT_LE(count, 8) << at.count();
  EXPECT_GE((trace.arrivals().back().at - trace.arrivals().front().at), 200ms);
}

TEST(NetemModel, MoreThanTheLimitIsDropped) {
  NetemSettings settings;
  settings.delay = 10ms;
  settings.limit = 50;
  // A hundred packets would be on their way.
  const NetemTrace trace = Packets{.packets = 1000}.through(settings);
  EXPECT_EQ(std::ranges::count(trace.copies(), 0U), 500);
}

TEST(NetemModel, TheSameSeedDecidesTheSame) {
  NetemSettings settings = roomy();
  settings.delay = 10ms;
  settings.jitter = 5ms;
  settings.loss = RandomLoss{0.1, 0.2};
  EXPECT_EQ(Packets{}.through(settings).delays(), Packets{}.through(settings).delays());
}

}  // namespace
}  // namespace nospof::faults
