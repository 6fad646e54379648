#include "probes/rounds.hpp"

#include <vector>

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::probes {
namespace {

using namespace std::chrono_literals;

class Findings final : public kinds::SampleSink {
 public:
  void add(const kinds::Sample&) override {}
  void lateness(std::int64_t) override {}
  void found(const kinds::Finding& finding) override { told.push_back(finding); }
  std::vector<kinds::Finding> told;
};

TEST(Watched, IsToldWhenItBeginsAndWhenItIsOver) {
  Findings sink;
  Watched watched("open", "client -> db1:3306/tcp", true);
  watched.saw(false, {10, 15}, "not yet", sink);
  watched.saw(false, {20, 25}, "not yet", sink);
  watched.saw(true, {30, 35}, "it is open", sink);
  EXPECT_TRUE(watched.so());
  watched.saw(true, {40, 45}, "still", sink);
  watched.saw(false, {50, 55}, "closed again", sink);
  watched.saw(false, {60, 65}, "still closed", sink);
  ASSERT_EQ(sink.told.size(), 2U);
  const kinds::Finding& begun = sink.told[0];
  EXPECT_EQ(begun.at_ns, 35);
  EXPECT_EQ(begun.since_ns, 20);
  EXPECT_EQ(begun.what, "open");
  EXPECT_EQ(begun.subject, "client -> db1:3306/tcp");
  EXPECT_EQ(begun.detail, "it is open");
  EXPECT_TRUE(begun.violation);
  EXPECT_FALSE(begun.over);
  const kinds::Finding& over = sink.told[1];
  EXPECT_EQ(over.at_ns, 55);
  EXPECT_EQ(over.since_ns, 40);
  EXPECT_EQ(over.detail, "closed again");
  EXPECT_TRUE(over.over);
}

TEST(Watched, KnowsNothingBeforeItsFirstLook) {
  Findings sink;
  Watched watched("closed", "x", false);
  watched.saw(true, {30, 35}, "closed", sink);
  ASSERT_EQ(sink.told.size(), 1U);
  EXPECT_EQ(sink.told[0].since_ns, 0);
  EXPECT_FALSE(sink.told[0].violation);
}

class Rounds : public ::testing::Test {
 protected:
  void stop() {
    const std::uint64_t one = 1;
    write_all(stop_.get(), {reinterpret_cast<const char*>(&one), sizeof one}, "stop event");
  }
  UniqueFd stop_{check("eventfd", ::eventfd(0, EFD_CLOEXEC))};
};

TEST_F(Rounds, BeginAtOnceAndEndWhenStopped) {
  int rounds = 0;
  run_rounds(stop_.get(), 1h, [&] {
    ++rounds;
    stop();
    return true;
  });
  EXPECT_EQ(rounds, 1);
}

TEST_F(Rounds, NoneIsBegunAfterTheStop) {
  stop();
  int rounds = 0;
  run_rounds(stop_.get(), 1ms, [&] { return ++rounds < 3; });
  EXPECT_EQ(rounds, 0);
}

TEST_F(Rounds, EndWhenARoundSaysSo) {
  int rounds = 0;
  run_rounds(stop_.get(), 1ns, [&] { return ++rounds < 3; });
  EXPECT_EQ(rounds, 3);
}

TEST_F(Rounds, AreNeverEarly) {
  std::vector<std::int64_t> begun;
  run_rounds(stop_.get(), 5ms, [&] {
    begun.push_back(monotonic_ns());
    return begun.size() < 4;
  });
  for (std::size_t i = 1; i < begun.size(); ++i)
    EXPECT_GE(begun[i] - begun[0], static_cast<std::int64_t>(i) * 5'000'000 - 1'000'000) << i;
}

}  // namespace
}  // namespace nospof::probes
