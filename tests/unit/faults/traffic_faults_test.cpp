// netem and bandwidth: plans, texts, and what they refuse.

#include <cstring>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/pkt_sched.h>

#include "fake_host.hpp"
#include "faults/bandwidth.hpp"
#include "faults/netem.hpp"
#include "faults/netem_kernel.hpp"
#include "faults/parameters.hpp"
#include "system/traffic_control.hpp"

namespace nospof::faults {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using test::error_of;
using test::small_stack;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

kinds::Plan plan(const kinds::FaultKind& kind, const std::vector<std::string>& targets,
                 const spec::Parameters& given) {
  return kind.plan(targets, "", given, small_stack());
}

spec::Parameters slow() {
  return {{"delay", spec::Duration(300ms)}, {"jitter", spec::Duration(50ms)}};
}

TEST(NetemPlan, SaysWhatItDoesAndToWhom) {
  const auto kind = make_netem();
  spec::Parameters given = slow();
  given["direction"] = std::string("both");
  const auto made = plan(*kind, {"web1", "web2"}, given);
  ASSERT_EQ(made.placements.size(), 2U);
  EXPECT_THAT(made.blast_radius, ElementsAre("web1", "web2"));
  const kinds::Placement& one = made.placements[0];
  EXPECT_EQ(one.host, "web1");
  EXPECT_FALSE(one.needs_power);
  EXPECT_EQ(one.effect, "traffic, in and out, of web1: delay 300ms with jitter 50ms (uniform)");
  EXPECT_EQ(
      one.undo,
      "its queueing discipline, filters and ifb device are removed, or its table and emulator");
  EXPECT_EQ(one.parameters.at("netem"),
            (json::object{{"delay_ns", 300'000'000}, {"jitter_ns", 50'000'000}}));
  EXPECT_EQ(one.parameters.at("neighbours").as_array().size(), 5U) << "everybody else is asked";
  EXPECT_TRUE(one.parameters.at("peers").as_array().empty());
  EXPECT_NE(kind->make(one.parameters), nullptr);
  json::object timed = one.parameters;
  timed["duration_ms"] = 5000;
  EXPECT_NE(kind->make(timed), nullptr);
}

TEST(NetemPlan, IsNarrowedToPeersPortsAndProtocol) {
  const auto kind = make_netem();
  spec::Parameters given = slow();
  given["peers"] = std::vector<std::string>{"db1", "lb1"};
  given["ports"] = std::vector<std::string>{"443", "3306"};
  given["protocol"] = std::string("tcp");
  const auto made = plan(*kind, {"web1"}, given);
  const kinds::Placement& one = made.placements.at(0);
  EXPECT_EQ(one.effect,
            "outgoing traffic of web1 to db1, lb1, TCP, ports 443, 3306: delay 300ms with jitter "
            "50ms (uniform)");
  EXPECT_EQ(one.parameters.at("peers"), (json::array{"198.18.0.41", "198.18.0.11"}));
  EXPECT_EQ(one.parameters.at("neighbours"), one.parameters.at("peers"));
  EXPECT_EQ(one.parameters.at("ports"), (json::array{"443", "3306"}));
  EXPECT_NE(kind->make(one.parameters), nullptr);
}

TEST(NetemPlan, RefusesWhatMakesNoSense) {
  const auto kind = make_netem();
  const auto refusal = [&](const std::vector<std::string>& targets, const char* name,
                           const spec::ParameterValue& value) {
    spec::Parameters given = slow();
    given[name] = value;
    return error_of([&] { plan(*kind, targets, given); });
  };
  EXPECT_THAT(error_of([&] { plan(*kind, {"web1"}, {}); }), HasSubstr("nothing is asked for"));
  EXPECT_THAT(error_of([&] { plan(*kind, {}, slow()); }), HasSubstr("no target"));
  EXPECT_THAT(error_of([&] { kind->plan({"web1"}, "nginx", slow(), small_stack()); }),
              HasSubstr("whole host"));
  EXPECT_THAT(refusal({"web1"}, "peers", std::vector<std::string>{"web1"}),
              HasSubstr("its own peer"));
  EXPECT_THAT(refusal({"web1"}, "peers", std::vector<std::string>{"web9"}), HasSubstr("web9"));
  EXPECT_THAT(refusal({"web1"}, "ports", std::vector<std::string>{"0"}), HasSubstr("no port"));
  EXPECT_THAT(refusal({"web1"}, "ports", std::vector<std::string>{"https"}), HasSubstr("no port"));
  EXPECT_THAT(refusal({"web1"}, "direction", std::string("up")), HasSubstr("must be one of"));
  EXPECT_THAT(refusal({"web1"}, "backend", std::string("magic")), HasSubstr("must be one of"));
  EXPECT_THAT(refusal({"web1"}, "latency", spec::Duration(1ms)), HasSubstr("'latency' is unknown"));
  spec::Parameters icmp = slow();
  icmp["protocol"] = std::string("icmp");
  icmp["ports"] = std::vector<std::string>{"80"};
  EXPECT_THAT(error_of([&] { plan(*kind, {"web1"}, icmp); }), HasSubstr("ICMP has no ports"));
}

TEST(NetemPlacement, IsCheckedOnTheAgent) {
  const auto kind = make_netem();
  const auto refusal = [&](const char* name, const json::value& value) {
    json::object parameters = {{"netem", {{"delay_ns", 1000}}}};
    parameters[name] = value;
    return error_of([&] { kind->make(parameters); });
  };
  EXPECT_THAT(error_of([&] { kind->make({}); }), HasSubstr("'netem' is missing"));
  EXPECT_THAT(refusal("netem", json::object{}), HasSubstr("nothing is asked for"));
  EXPECT_THAT(refusal("peers", json::array{"web1"}), HasSubstr("no IPv4 address"));
  EXPECT_THAT(refusal("ports", json::array{"70000"}), HasSubstr("no port"));
  EXPECT_THAT(refusal("direction", "up"), HasSubstr("'direction'"));
  EXPECT_THAT(refusal("protocol", "sctp"), HasSubstr("'protocol'"));
  EXPECT_THAT(refusal("backend", "magic"), HasSubstr("'backend'"));
  EXPECT_THAT(refusal("speed", 1), HasSubstr("'speed' is unknown"));
}

TEST(NetemInTheKernel, IsToldInItsOwnUnits) {
  NetemSettings settings;
  settings.delay = 100ms;
  settings.loss = RandomLoss{0.5, 0.25};
  settings.rate_bits = 8'000'000;
  const ShapingQdisc qdisc = netem_qdisc(settings);
  EXPECT_EQ(qdisc.kind, "netem");
  tc_netem_qopt head{};
  ASSERT_GE(qdisc.options.size(), sizeof head);
  std::memcpy(&head, qdisc.options.data(), sizeof head);
  EXPECT_EQ(head.latency, 100'000'000U / 64);
  EXPECT_EQ(head.limit, 1000U);
  EXPECT_EQ(head.loss, 0x80000000U);
  const std::string_view rest = std::string_view(qdisc.options).substr(sizeof head);
  EXPECT_EQ(attribute_or<std::int64_t>(rest, TCA_NETEM_LATENCY64, 0), 100'000'000);
  EXPECT_EQ(attribute_or<tc_netem_rate>(rest, TCA_NETEM_RATE, {}).rate, 1'000'000U);
  EXPECT_EQ(attribute_or<tc_netem_corr>(rest, TCA_NETEM_CORR, {}).loss_corr, 0x40000000U);
  EXPECT_TRUE(find_attribute(rest, TCA_NETEM_DELAY_DIST).empty());

  settings.jitter = 10ms;
  settings.distribution = NetemSettings::Distribution::normal;
  settings.loss = GemodelLoss{0.5, 0.25, 1, 0};
  settings.rate_bits = 100'000'000'000;
  const ShapingQdisc other = netem_qdisc(settings);
  const std::string_view attributes = std::string_view(other.options).substr(sizeof head);
  EXPECT_EQ(find_attribute(attributes, TCA_NETEM_DELAY_DIST).size(), 8192U);
  EXPECT_EQ(attribute_or<std::uint64_t>(attributes, TCA_NETEM_RATE64, 0), 12'500'000'000U);
  const auto model =
      attribute_or<tc_netem_gemodel>(find_attribute(attributes, TCA_NETEM_LOSS), NETEM_LOSS_GE, {});
  EXPECT_EQ(model.p, 0x80000000U);
  EXPECT_EQ(model.r, 0x40000000U);
  EXPECT_EQ(model.h, 0U) << "the share that survives in the bad state";
  EXPECT_EQ(model.k1, 0U);
}

TEST(BandwidthPlan, FillsInBurstAndLimit) {
  const auto kind = make_bandwidth();
  const auto parameters = [&](const spec::Parameters& given) {
    return plan(*kind, {"web1"}, given).placements.at(0).parameters;
  };
  const auto slow_link = parameters({{"rate", spec::Bandwidth{1'000'000}}});
  EXPECT_EQ(slow_link.at("rate_bits"), 1'000'000);
  EXPECT_EQ(slow_link.at("burst"), 3028) << "two frames";
  EXPECT_EQ(slow_link.at("limit"), 6250 + 3028) << "and what 50 ms carry";
  EXPECT_EQ(parameters({{"rate", spec::Bandwidth{100'000'000}}}).at("burst"), 125'000);
  const auto given = parameters({{"rate", spec::Bandwidth{1'000'000}},
                                 {"burst", std::int64_t{10'000}},
                                 {"limit", std::int64_t{50'000}}});
  EXPECT_EQ(given.at("burst"), 10'000);
  EXPECT_EQ(given.at("limit"), 50'000);
  EXPECT_NE(kind->make(given), nullptr);
  EXPECT_EQ(plan(*kind, {"web1"}, {{"rate", spec::Bandwidth{1'000'000}}}).placements[0].effect,
            "outgoing traffic of web1: at most 1mbit/s, 3028 bytes at once, 9278 bytes waiting");
}

TEST(BandwidthPlan, RefusesWhatMakesNoSense) {
  const auto kind = make_bandwidth();
  const auto refusal = [&](spec::Parameters given) {
    given["rate"] = spec::Bandwidth{1'000'000};
    return error_of([&] { plan(*kind, {"web1"}, given); });
  };
  EXPECT_THAT(error_of([&] { plan(*kind, {"web1"}, {}); }), HasSubstr("'rate' is missing"));
  EXPECT_THAT(refusal({{"burst", std::int64_t{100}}}), HasSubstr("from 1514"));
  EXPECT_THAT(refusal({{"limit", std::int64_t{0}}}), HasSubstr("from 1514"));
  EXPECT_THAT(refusal({{"limit", std::int64_t{9999}}, {"latency", spec::Duration(1ms)}}),
              HasSubstr("give one of them"));
  const auto refused = [&](const json::object& parameters) {
    return error_of([&] { kind->make(parameters); });
  };
  EXPECT_THAT(refused({}), HasSubstr("'rate_bits' is missing"));
  EXPECT_THAT(refused({{"rate_bits", 7}}), HasSubstr("'rate_bits'"));
  EXPECT_THAT(refused({{"rate_bits", 1000}, {"burst", 5000}}), HasSubstr("'limit' is missing"));
  EXPECT_THAT(refused({{"rate_bits", 1000}, {"burst", 5000}, {"limit", 5000}, {"x", 1}}),
              HasSubstr("'x' is unknown"));
}

TEST(TrafficFaults, SlowAndLossyNetworksArePartOfAProof) {
  const auto netem = make_netem();
  ASSERT_EQ(netem->info().prove_variants.size(), 2U);
  EXPECT_EQ(netem->info().prove_variants[0].label, "slow");
  EXPECT_EQ(netem->info().prove_variants[1].label, "lossy");
  EXPECT_TRUE(make_bandwidth()->info().prove_variants.empty());
}

}  // namespace
}  // namespace nospof::faults
