#include "verdict/by_schedule.hpp"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "verdict/outages.hpp"

namespace nospof::verdict {
namespace {

using kinds::Outcome;
using testing::ElementsAre;
using testing::IsEmpty;

kinds::Sample due_at(std::int64_t scheduled_ns, std::uint64_t sequence = 0) {
  return {sequence, scheduled_ns, scheduled_ns, scheduled_ns, Outcome::ok, 200};
}

Nanoseconds most(const std::vector<kinds::Sample>& samples) {
  Overtaking overtaking;
  for (const kinds::Sample& sample : samples) overtaking.add(sample);
  return overtaking.most();
}

class InOrder : public testing::Test {
 protected:
  BySchedule with(Nanoseconds most) {
    return {most, [this](const kinds::Sample& sample) { given_.push_back(sample.scheduled_ns); }};
  }
  std::vector<std::int64_t> given_;
};

TEST(Overtaking, IsByHowMuchALaterSampleWasDueEarlier) {
  EXPECT_EQ(most({}), Nanoseconds(0));
  EXPECT_EQ(most({due_at(5), due_at(5), due_at(9)}), Nanoseconds(0));
  EXPECT_EQ(most({due_at(5), due_at(9), due_at(6), due_at(2), due_at(20), due_at(19)}),
            Nanoseconds(7));
}

TEST_F(InOrder, ASampleIsGivenAsSoonAsNoneCanComeBeforeIt) {
  BySchedule by_schedule = with(Nanoseconds(10));
  for (const std::int64_t due : {5, 9, 3, 15}) by_schedule.add(due_at(due));
  EXPECT_THAT(given_, ElementsAre(3));
  by_schedule.add(due_at(16));
  EXPECT_THAT(given_, ElementsAre(3, 5));
  by_schedule.finish();
  EXPECT_THAT(given_, ElementsAre(3, 5, 9, 15, 16));
}

TEST_F(InOrder, SamplesInOrderDoNotWait) {
  BySchedule by_schedule = with(Nanoseconds(0));
  by_schedule.finish();
  EXPECT_THAT(given_, IsEmpty());
  for (const std::int64_t due : {1, 2, 3}) by_schedule.add(due_at(due));
  EXPECT_THAT(given_, ElementsAre(1, 2));
}

TEST(BySchedule, IsAsSortingAllOfThem) {
  std::mt19937_64 random(29);
  for (const std::int64_t latency : {0, 1, 7, 1000}) {
    std::uniform_int_distribution<std::int64_t> took(0, latency);
    std::vector<std::pair<std::int64_t, kinds::Sample>> finished;
    for (std::uint64_t i = 0; i < 3'000; ++i) {
      // Two of each time, so that their numbers decide.
      const kinds::Sample sample = due_at(static_cast<std::int64_t>(i / 2), i);
      finished.emplace_back(sample.scheduled_ns + took(random), sample);
    }
    std::ranges::stable_sort(finished, {}, [](const auto& entry) { return entry.first; });
    std::vector<kinds::Sample> samples;
    for (const auto& entry : finished) samples.push_back(entry.second);
    std::vector<std::uint64_t> given;
    BySchedule by_schedule(
        most(samples), [&given](const kinds::Sample& sample) { given.push_back(sample.sequence); });
    for (const kinds::Sample& sample : samples) by_schedule.add(sample);
    by_schedule.finish();
    EXPECT_EQ(given.size(), samples.size());
    EXPECT_TRUE(std::ranges::is_sorted(given)) << latency;
  }
}

}  // namespace
}  // namespace nospof::verdict
