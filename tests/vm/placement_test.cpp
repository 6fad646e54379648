// Where the fault acts, what it leaves alone, and that nothing stays behind.

#include "fixture.hpp"

namespace nospof::test {
namespace {

Flow slow_look() {
  return {.packets = 300, .apart = 1ms};
}

::testing::AssertionResult undelayed(const NetemTrace& trace) {
  const auto good = passes_untouched(trace);
  return good ? mean_delay_is(trace, 0ms) : good;
}

TEST_F(OnKernelNetem, IncomingTrafficGoesThroughAnIfbDevice) {
  auto fault = netem({{"delay", spec::Duration(60ms)}, {"direction", std::string("ingress")}});
  Flow in = slow_look();
  in.to_first = true;
  measured(in, [](const NetemTrace& trace) { return mean_delay_is(trace, 60ms); });
  measured(slow_look(), undelayed);
  EXPECT_THAT(pair_.run({"ip", "link"}), HasSubstr("nospof"));
  EXPECT_THAT(pair_.run({"tc", "qdisc", "show", "dev", "eth0"}), HasSubstr("qdisc noqueue"));
  heal(fault);
}

TEST_F(OnKernelNetem, BothDirectionsAtOnce) {
  const std::string before = pair_.state();
  auto fault = netem({{"delay", spec::Duration(60ms)}, {"direction", std::string("both")}});
  Flow in = slow_look();
  in.to_first = true;
  measured(in, [](const NetemTrace& trace) { return mean_delay_is(trace, 60ms); });
  measured(slow_look(), [](const NetemTrace& trace) { return mean_delay_is(trace, 60ms); });
  heal(fault);
  EXPECT_EQ(pair_.state(), before);
}

TEST_F(OnKernelNetem, OnlyTheChosenPeersPortsAndProtocolAreSlow) {
  auto fault = netem({{"delay", spec::Duration(60ms)},
                      {"direction", std::string("both")},
                      {"peers", std::vector<std::string>{"b"}},
                      {"ports", std::vector<std::string>{"5000", "7000"}},
                      {"protocol", std::string("udp")}});
  const auto late = [](const NetemTrace& trace) { return mean_delay_is(trace, 60ms); };
  Flow flow = slow_look();
  measured(flow, late);
  flow.to_first = true;
  flow.port = 7000;
  measured(flow, late);
  flow.port = 6000;
  measured(flow, undelayed);
  flow.to_first = false;
  measured(flow, undelayed);
  flow.port = 5000;
  flow.other_address = true;
  measured(flow, undelayed);
  heal(fault);
}

// A root tree of the host's own: htb with a leaf of its own kind and a filter.
class OnForeignTree : public OnKernelNetem {
 protected:
  void SetUp() override {
    OnKernelNetem::SetUp();
    if (IsSkipped()) return;
    for (const char* words :
         {"qdisc add dev eth0 root handle 1: htb default 10",
          "class add dev eth0 parent 1: classid 1:10 htb rate 100mbit quantum 1514",
          "class add dev eth0 parent 1: classid 1:20 htb rate 5mbit quantum 1514",
          "qdisc add dev eth0 parent 1:10 handle 10: sfq perturb 10",
          "filter add dev eth0 parent 1: protocol ip prio 5 u32 match ip dport "
          "6000 0xffff flowid 1:20"})
      EXPECT_EQ(tc(words), "");
  }
  std::string tc(const std::string& words) {
    std::vector<std::string> command = {"tc"};
    for (std::size_t begin = 0; begin < words.size();) {
      const std::size_t end = std::min(words.find(' ', begin), words.size());
      command.push_back(words.substr(begin, end - begin));
      begin = end + 1;
    }
    return pair_.run(command);
  }
};

TEST_F(OnForeignTree, ItBitesAndTheTreeGoesOnWorking) {
  const std::string before = pair_.state();
  auto fault = netem({{"delay", spec::Duration(60ms)}, {"direction", std::string("both")}});
  measured(slow_look(), [](const NetemTrace& trace) { return mean_delay_is(trace, 60ms); });
  EXPECT_THAT(pair_.state(), HasSubstr("qdisc sfq 10: dev eth0 parent 1:10"));
  // What its filter chose goes through its class all the same: 300 frames of 106 bytes.
  const auto sent = [this] { return tc("-s class show dev eth0"); };
  Flow slow_class = slow_look();
  slow_class.port = 6000;
  EXPECT_EQ(pair_.measure(slow_class).arrivals().size(), 300U);
  EXPECT_THAT(sent(), HasSubstr("Sent 31800 bytes 300 pkt"));
  heal(fault);
  EXPECT_EQ(pair_.state(), before);
}

TEST_F(OnForeignTree, TwoFaultsAtOnceHealInAnyOrder) {
  const std::string before = pair_.state();
  auto slow = netem({{"delay", spec::Duration(30ms)}, {"direction", std::string("egress")}});
  auto late = netem({{"delay", spec::Duration(40ms)}, {"direction", std::string("ingress")}});
  EXPECT_THROW(netem({{"delay", spec::Duration(10ms)}}), Error);
  slow.heal();
  Flow in = slow_look();
  in.to_first = true;
  measured(in, [](const NetemTrace& trace) { return mean_delay_is(trace, 40ms); });
  heal(late);
  EXPECT_EQ(pair_.state(), before);
}

TEST_F(OnForeignTree, AClsactQdiscOfTheHostsOwnStays) {
  EXPECT_EQ(tc("qdisc add dev eth0 clsact"), "");
  const std::string before = pair_.state();
  auto fault = netem({{"delay", spec::Duration(60ms)}, {"direction", std::string("both")}});
  measured(slow_look(), [](const NetemTrace& trace) { return mean_delay_is(trace, 60ms); });
  heal(fault);
  EXPECT_EQ(pair_.state(), before);
}

TEST_F(OnKernelNetem, TwiceIsRefusedAndHealingTwiceDoesNothing) {
  const std::string before = pair_.state();
  auto fault = netem({{"delay", spec::Duration(20ms)}, {"direction", std::string("both")}});
  EXPECT_THROW(fault.inject(), Error);
  heal(fault);
  heal(fault);
  EXPECT_EQ(pair_.state(), before);
}

TEST_F(OnKernelNetem, ASecondFaultStandsBesideTheFirst) {
  const std::string before = pair_.state();
  auto first = netem({{"delay", spec::Duration(30ms)}});
  auto second = netem({{"delay", spec::Duration(20ms)}});
  measured(slow_look(), [](const NetemTrace& trace) { return mean_delay_is(trace, 50ms); });
  first.heal();
  measured(slow_look(), [](const NetemTrace& trace) { return mean_delay_is(trace, 20ms); });
  second.heal();
  EXPECT_EQ(pair_.state(), before);
}

TEST_F(OnKernelNetem, TheDeathOfItsOwnerLeavesWhatTheRecordsTakeBack) {
  const std::string before = pair_.state();
  for (const char* direction : {"egress", "both"}) {
    const auto records = inject_and_die(
        pair_, *kind_, {{"delay", spec::Duration(60ms)}, {"direction", std::string(direction)}});
    ASSERT_FALSE(records.empty());
    measured(slow_look(), [](const NetemTrace& trace) { return mean_delay_is(trace, 60ms); });
    execute_records(pair_.first(), records);
    EXPECT_EQ(pair_.state(), before);
    execute_records(pair_.first(), records);
    EXPECT_EQ(pair_.state(), before);
    measured(slow_look(), undelayed);
  }
}

}  // namespace
}  // namespace nospof::test
