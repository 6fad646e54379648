// The bandwidth fault on real links, and what every fault by queueing disciplines shares: where it
// attaches, what it leaves alone, and how it is taken back.

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/undo.hpp"
#include "faults/bandwidth.hpp"
#include "faults/netem.hpp"
#include "system/check.hpp"
#include "system/namespaces.hpp"
#include "tests/support/netem_pair.hpp"

namespace nospof::test {
namespace {

using namespace std::chrono_literals;
using Outcome = kinds::Confirmation::Outcome;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t rate = 4'000'000;
// A payload of 1000 bytes on the link.
constexpr std::size_t frame = 1042;

class Bandwidth : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: makes network namespaces";
    pair_ = std::make_unique<NetemPair>();
  }

  spec::Parameters limited(const std::string& direction) const {
    return {
        {"rate", spec::Bandwidth{rate}}, {"latency", spec::Duration(2s)}, {"direction", direction}};
  }

  RunningFault inject(const spec::Parameters& parameters) {
    RunningFault fault = pair_->fault(*kind_, parameters);
    fault.inject();
    const auto answer = fault.confirm();
    EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
    return fault;
  }

  void heal(RunningFault& fault) {
    fault.heal();
    const auto answer = fault.confirm_healed();
    EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
  }

  static Flow flow() { return {.packets = 800, .bytes = 1000, .patience = 300ms}; }
  static Flow to_first() {
    Flow back = flow();
    back.to_first = true;
    return back;
  }
  void expect_limited(const Flow& flow) { EXPECT_TRUE(rate_is(pair_->measure(flow), rate, frame)); }
  // Far from it: the same packets take 1.6 s at the limit.
  void expect_free(const Flow& flow) {
    const NetemTrace trace = pair_->measure(flow);
    EXPECT_TRUE(passes_untouched(trace));
    EXPECT_FALSE(rate_is(trace, rate, frame));
  }

  void tc(std::vector<std::string> words) {
    words.insert(words.begin(), "tc");
    EXPECT_EQ(pair_->run(words), "");
  }
  // A root tree as an administrator may have set it up.
  void plant_tree() {
    tc({"qdisc", "add", "dev", "eth0", "root", "handle", "1:", "htb", "default", "10"});
    for (const char* number : {"1:10", "1:20"})
      tc({"class", "add", "dev", "eth0", "parent", "1:", "classid", number, "htb", "rate",
          "100mbit", "quantum", "1514"});
    tc({"qdisc", "add", "dev", "eth0", "parent", "1:10", "handle", "10:", "pfifo", "limit", "500"});
    tc({"filter", "add", "dev", "eth0", "parent", "1:", "protocol", "ip", "prio", "5", "u32",
        "match", "ip", "dport", "6000", "0xffff", "flowid", "1:20"});
  }

  std::unique_ptr<NetemPair> pair_;
  std::unique_ptr<kinds::FaultKind> kind_ = faults::make_bandwidth();
};

TEST_F(Bandwidth, OutgoingTrafficIsLimitedAtTheRoot) {
  const std::string before = pair_->state();
  auto fault = inject(limited("egress"));
  expect_limited(flow());
  expect_free(to_first());
  EXPECT_THAT(pair_->state(), HasSubstr("qdisc tbf"));
  EXPECT_THAT(pair_->state(), Not(HasSubstr("clsact")));
  heal(fault);
  expect_free(flow());
  EXPECT_EQ(pair_->state(), before);
}

TEST_F(Bandwidth, IncomingTrafficIsLimitedThroughAnIfbDevice) {
  const std::string before = pair_->state();
  auto fault = inject(limited("ingress"));
  expect_limited(to_first());
  expect_free(flow());
  heal(fault);
  EXPECT_EQ(pair_->state(), before);
}

TEST_F(Bandwidth, OnlyWhatIsChosenIsLimited) {
  spec::Parameters chosen = limited("both");
  chosen["peers"] = std::vector<std::string>{"b"};
  chosen["ports"] = std::vector<std::string>{"5000"};
  const std::string before = pair_->state();
  auto fault = inject(chosen);
  expect_limited(flow());
  expect_limited(to_first());
  Flow other = flow();
  other.port = 6000;
  expect_free(other);
  other = flow();
  other.other_address = true;
  expect_free(other);
  heal(fault);
  EXPECT_EQ(pair_->state(), before);
}

TEST_F(Bandwidth, ATreeOfTheHostsOwnGoesOnWorkingAndStaysAsItWas) {
  plant_tree();
  const std::string before = pair_->state();
  auto fault = inject(limited("both"));
  Flow classified = flow();
  classified.port = 6000;
  expect_limited(classified);
  EXPECT_THAT(pair_->run({"tc", "-s", "class", "show", "dev", "eth0"}),
              HasSubstr("Sent 833600 bytes 800 pkt"))
      << "its own filter chose the class of those packets";
  heal(fault);
  EXPECT_EQ(pair_->state(), before);
  expect_free(flow());
}

TEST_F(Bandwidth, TwiceIsRefusedAndHealingTwiceDoesNothing) {
  const std::string before = pair_->state();
  auto fault = inject(limited("both"));
  EXPECT_THROW(fault.inject(), Error);
  expect_limited(flow());
  heal(fault);
  heal(fault);
  EXPECT_EQ(pair_->state(), before);
}

TEST_F(Bandwidth, TwoFaultsAtOnceHealInAnyOrder) {
  plant_tree();
  const std::string before = pair_->state();
  auto out = inject(limited("egress"));
  auto in = inject(limited("ingress"));
  EXPECT_THROW(pair_->fault(*kind_, limited("ingress")), Error);
  out.heal();
  expect_limited(to_first());
  heal(in);
  EXPECT_EQ(pair_->state(), before);
}

TEST_F(Bandwidth, AClsactQdiscOfTheHostsOwnStaysAndItsFiltersAreInTheWay) {
  plant_tree();
  tc({"qdisc", "add", "dev", "eth0", "clsact"});
  const std::string before = pair_->state();
  auto fault = inject(limited("both"));
  expect_limited(to_first());
  heal(fault);
  EXPECT_EQ(pair_->state(), before);

  tc({"filter", "add", "dev", "eth0", "egress", "protocol", "ip", "u32", "match", "u32", "0", "0",
      "classid", "1:1"});
  const std::string filtered = pair_->state();
  try {
    pair_->fault(*kind_, limited("egress"));
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("eth0 has filters of its own at its egress hook"));
  }
  auto other_way = inject(limited("ingress"));
  expect_limited(to_first());
  heal(other_way);
  EXPECT_EQ(pair_->state(), filtered);
}

TEST_F(Bandwidth, TheDeathOfItsOwnerLeavesWhatTheRecordsTakeBack) {
  const std::string before = pair_->state();
  for (const char* direction : {"egress", "both"}) {
    const auto records = inject_and_die(*pair_, *kind_, limited(direction));
    ASSERT_FALSE(records.empty());
    expect_limited(flow());
    execute_records(pair_->first(), records);
    EXPECT_EQ(pair_->state(), before);
    execute_records(pair_->first(), records);
    EXPECT_EQ(pair_->state(), before);
    expect_free(flow());
  }
}

TEST_F(Bandwidth, RecordsTakeBackWhatWasOnlyHalfDone) {
  plant_tree();
  const std::string before = pair_->state();
  RunningFault fault = pair_->fault(*kind_, limited("both"));
  EXPECT_EQ(pair_->state(), before) << "preparing changes nothing";
  const auto records = fault.records();
  ASSERT_EQ(records.size(), 2U);
  execute_records(pair_->first(), records);
  EXPECT_EQ(pair_->state(), before) << "nor does undoing what was never done";
  for (const auto& record : records) {
    EXPECT_EQ(record.at("op"), "redirect");
    pair_->run({"ip", "link", "add", std::string(record.at("ifb").as_string()), "type", "ifb"});
  }
  execute_records(pair_->first(), records);
  EXPECT_EQ(pair_->state(), before);
  pair_->run({"ip", "link", "add", std::string(records[0].at("ifb").as_string()), "type", "ifb"});
  tc({"qdisc", "add", "dev", "eth0", "clsact"});
  execute_records(pair_->first(), records);
  EXPECT_EQ(pair_->state(), before);
}

TEST_F(Bandwidth, RecordsTakeNothingOfSomebodyElses) {
  RunningFault fault = pair_->fault(*kind_, limited("both"));
  const auto records = fault.records();
  plant_tree();
  tc({"qdisc", "add", "dev", "eth0", "clsact"});
  tc({"filter", "add", "dev", "eth0", "ingress", "pref", "1", "protocol", "all", "u32", "match",
      "u32", "0", "0", "classid", "1:1"});
  const std::string before = pair_->state();
  execute_records(pair_->first(), records);
  EXPECT_EQ(pair_->state(), before);
}

TEST_F(Bandwidth, RecordsThatCantBeReadAreToldAndDoNothing) {
  kinds::HostEnv env;
  for (const kinds::UndoRecord& record :
       {kinds::UndoRecord{{"op", "root-qdisc"}, {"device", "eth0"}},
        kinds::UndoRecord{{"op", "root-qdisc"}, {"device", "eth0"}, {"index", 2}, {"kind", "tbf"}},
        kinds::UndoRecord{{"op", "redirect"}, {"device", "eth0"}, {"index", 2}},
        kinds::UndoRecord{{"op", "redirect"},
                          {"device", "eth0"},
                          {"index", 2},
                          {"hook", "sideways"},
                          {"mark", 5},
                          {"ifb", "nospof0"},
                          {"own_clsact", true}}}) {
    const auto result = agent::execute_undo(record, env);
    EXPECT_FALSE(result.done);
    EXPECT_FALSE(result.changed);
    EXPECT_THAT(result.detail, HasSubstr("undo record"));
  }
}

TEST_F(Bandwidth, ADisappearedDeviceIsNothingToTakeBack) {
  const auto records = inject_and_die(*pair_, *kind_, limited("egress"));
  EXPECT_EQ(pair_->run({"ip", "link", "del", "eth0"}), "");
  const std::string gone = pair_->state();
  execute_records(pair_->first(), records);
  EXPECT_EQ(pair_->state(), gone);
}

TEST_F(Bandwidth, NetemIsRefusedByNameWhereTheKernelHasNone) {
  if (pair_->run({"tc", "qdisc", "add", "dev", "lo", "root", "netem"}).empty())
    GTEST_SKIP() << "this kernel has sch_netem";
  try {
    pair_->fault(*faults::make_netem(),
                 {{"delay", spec::Duration(10ms)}, {"backend", std::string("kernel")}});
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("CONFIG_NET_SCH_NETEM"));
    EXPECT_THAT(error.what(), HasSubstr("host 'a'"));
  }
}

}  // namespace
}  // namespace nospof::test
