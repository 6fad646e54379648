#include "faults/firewall.hpp"

#include <set>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_host.hpp"
#include "faults/conntrack.hpp"
#include "faults/firewall_rules.hpp"
#include "faults/host_rules.hpp"
#include "faults/host_rules_injection.hpp"

namespace nospof::faults {
namespace {

namespace json = boost::json;
using test::error_of;
using test::small_stack;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using Names = std::vector<std::string>;

spec::Parameters with(const std::string& name, const spec::ParameterValue& value) {
  return {{name, value}};
}
kinds::Plan plan(const spec::Parameters& parameters, const Names& targets = {"web1"}) {
  return make_firewall()->plan(targets, "", parameters, small_stack());
}
std::string refused(const spec::Parameters& parameters, const Names& targets = {"web1"}) {
  return error_of([&] { plan(parameters, targets); });
}

TEST(Firewall, SaysWhatHappensToWhichPackets) {
  const auto effect = [](const spec::Parameters& parameters) {
    return plan(parameters).placements.at(0).effect;
  };
  EXPECT_EQ(effect({}), "drops packets in and out of web1 from and to everybody");
  EXPECT_EQ(effect({{"action", std::string("reject")},
                    {"peers", Names{"db1"}},
                    {"direction", std::string("out")},
                    {"protocol", std::string("tcp")},
                    {"ports", Names{"3306"}}}),
            "rejects tcp port 3306 packets that go out of web1 to db1");
  EXPECT_EQ(effect({{"ratio", spec::Percent{0.05}}, {"direction", std::string("in")}}),
            "drops 5% of the packets that come in to web1 from everybody");
  EXPECT_EQ(effect(with("action", std::string("tcp-reset"))),
            "resets packets in and out of web1 from and to everybody");
}

TEST(Firewall, ActsOnTheTargetsOnlyAndNeverOnItself) {
  const auto all = plan({}, {"web1", "web2"});
  ASSERT_EQ(all.placements.size(), 2U);
  EXPECT_THAT(all.blast_radius, ElementsAre("web1", "web2"));
  const auto some = plan(with("peers", Names{"web1", "web2"}), {"web1", "web2"});
  EXPECT_EQ(json::serialize(some.placements.at(0).parameters.at("peers")),
            R"([{"address":"198.18.0.22","mac":"02:00:00:00:00:22"}])");
}

TEST(Firewall, WitnessesAreConnectionsOfTheFlow) {
  const auto flows = [](const spec::Parameters& parameters) {
    std::set<std::string> found;
    for (const auto& witness : plan(parameters).witnesses)
      found.insert(witness.from_host + ">" + witness.to_host);
    return found;
  };
  EXPECT_THAT(flows({}), ElementsAre("lb1>web1", "lb2>web1", "web1>db1"));
  EXPECT_THAT(flows(with("ports", Names{"443"})), ElementsAre("lb1>web1", "lb2>web1"));
  EXPECT_THAT(flows(with("peers", Names{"db1"})), ElementsAre("web1>db1"));
  EXPECT_THAT(flows(with("protocol", std::string("udp"))), ElementsAre());
  EXPECT_THAT(flows(with("ratio", spec::Percent{0.5})), ElementsAre()) << "chance lets some open";
}

TEST(Firewall, RefusesBadPlans) {
  EXPECT_THAT(refused(with("action", std::string("deny"))),
              HasSubstr("one of: drop, reject, tcp-reset"));
  EXPECT_THAT(refused({{"action", std::string("tcp-reset")}, {"protocol", std::string("udp")}}),
              HasSubstr("only TCP can be reset"));
  EXPECT_THAT(refused(with("ratio", spec::Percent{0})), HasSubstr("from 0.01% to 100%"));
  EXPECT_THAT(refused(with("ports", Names{"http"})), HasSubstr("'http' is no port"));
  EXPECT_THAT(refused(with("peers", Names{"web1"})), HasSubstr("no other host"));
  EXPECT_THAT(refused(with("peers", Names{"nobody"})), HasSubstr("no host 'nobody'"));
  EXPECT_THAT(refused(with("port", std::string("80"))), HasSubstr("'port' is unknown"));
  EXPECT_THAT(error_of([] { make_firewall()->plan({"web1"}, "nginx", {}, small_stack()); }),
              HasSubstr("whole host"));
}

TEST(Firewall, RefusesBadPlacementParameters) {
  const auto make = [](const char* text) {
    const auto parameters = json::parse(text).as_object();
    return error_of([&] { make_firewall()->make(parameters); });
  };
  EXPECT_EQ(make(R"({"everybody": true, "peers": [], "ratio": 0.5, "duration_ms": 9})"), "");
  EXPECT_THAT(make(R"({"everybody": true, "peers": [], "ratio": 0})"), HasSubstr("'ratio' must"));
  EXPECT_THAT(make(R"({"everybody": true, "peers": [], "ratio": "all"})"),
              HasSubstr("'ratio' must"));
  EXPECT_THAT(make(R"({"everybody": true, "peers": [], "action": "deny"})"),
              HasSubstr("'deny' is unknown"));
  EXPECT_THAT(make(R"({"everybody": true, "peers": [], "protocol": "sctp"})"),
              HasSubstr("'protocol' must"));
  EXPECT_THAT(make(R"({"everybody": true, "peers": [], "ports": ["1; drop"]})"),
              HasSubstr("is no port"));
  EXPECT_THAT(make(R"({"everybody": true, "peers": [], "shape": "x"})"),
              HasSubstr("'shape' is unknown"));
}

TEST(FirewallRules, DropsAtTheDeviceAndAnswersWhereItCan) {
  FirewallFlow flow;
  flow.cut.everybody = true;
  const std::vector<NetworkDevice> eth0{{"eth0", 2}};
  const std::string drop = firewall_rules(flow, "t", eth0);
  EXPECT_THAT(drop, AllOf(HasSubstr("hook ingress device \"eth0\" priority -2147483648"),
                          HasSubstr("hook egress device \"eth0\" priority -2147483648"),
                          HasSubstr("flags owner"), Not(HasSubstr("inet"))));
  EXPECT_THAT(firewall_families(flow), ElementsAre("netdev"));
  EXPECT_THAT(firewall_hooks(flow), ElementsAre("ingress", "egress"));
  flow.action = FirewallAction::tcp_reset;
  const std::string reset = firewall_rules(flow, "t", eth0);
  EXPECT_THAT(reset, AllOf(HasSubstr("hook ingress"), Not(HasSubstr("egress")),
                           HasSubstr("table inet t {\n  flags owner\n"),
                           HasSubstr("hook output priority -2147483648"),
                           HasSubstr("reject with tcp reset"), HasSubstr("oifname \"lo\" return")));
  EXPECT_THAT(firewall_families(flow), ElementsAre("netdev", "inet"));
  flow.cut.in = false;
  EXPECT_THAT(firewall_families(flow), ElementsAre("inet"));
  EXPECT_THAT(firewall_rules(flow, "t", eth0), Not(HasSubstr("netdev")));
}

TEST(FirewallRules, TheDiceAreThrownOncePerPacket) {
  FirewallFlow flow;
  flow.ratio = 0.25;
  flow.cut.peers = {{"198.18.0.1", "02:00:00:00:00:01"}};
  flow.cut.ports = {{80, 80}};
  const std::string rules = firewall_rules(flow, "t", {{"eth0", 2}, {"eth1", 3}});
  std::size_t dice = 0;
  for (std::size_t at = rules.find("numgen"); at != std::string::npos;
       at = rules.find("numgen", at + 1))
    ++dice;
  EXPECT_EQ(dice, 2U) << "one for each direction";
  EXPECT_THAT(rules, HasSubstr("numgen random mod 1000000 < 250000 counter drop"));
  EXPECT_THAT(rules, HasSubstr("th dport { 80 } goto hit_in"));
}

TEST(FirewallLockout, PlansDefaultDenyOnTheTargetsAndIsProved) {
  const auto kind = make_firewall_lockout();
  ASSERT_EQ(kind->info().prove_variants.size(), 1U);
  EXPECT_EQ(kind->info().prove_variants[0].label, "");
  const auto planned = kind->plan({"web1"}, "", {}, small_stack());
  EXPECT_EQ(planned.placements.at(0).effect,
            "denies all IP traffic in, out and through web1, established connections too; loopback "
            "and ARP stay");
  EXPECT_EQ(planned.witnesses.size(), 3U);
  const std::string rules = lockout_rules("t");
  for (const char* part : {"hook input priority -2147483648; policy drop",
                           "hook forward priority -2147483648; policy drop",
                           "hook output priority -2147483648; policy drop", "flags owner",
                           "iifname \"lo\" accept", "oifname \"lo\" accept"})
    EXPECT_THAT(rules, HasSubstr(part));
  EXPECT_THAT(error_of([&] { kind->plan({"web1"}, "", with("x", true), small_stack()); }),
              HasSubstr("this fault has none"));
}

TEST(HostRules, FlushPlansWithoutParameters) {
  const auto kind = make_firewall_flush();
  const auto planned = kind->plan({"web1", "db1"}, "", {}, small_stack());
  ASSERT_EQ(planned.placements.size(), 2U);
  EXPECT_EQ(planned.placements[0].effect, "deletes every nftables table that belongs to web1");
  EXPECT_EQ(json::serialize(planned.placements[0].parameters.at("probed")),
            R"(["198.18.0.11","198.18.0.12","198.18.0.22"])");
  EXPECT_THAT(planned.placements[0].undo, HasSubstr("one transaction"));
  EXPECT_TRUE(kind->info().prove_variants.empty());
  EXPECT_THAT(error_of([&] { kind->plan({"web1"}, "nginx", {}, small_stack()); }),
              HasSubstr("whole host"));
  EXPECT_THAT(error_of([&] {
                kind->make({{"probed", {"198.18.0.300"}}});
              }),
              HasSubstr("no IPv4 address"));
}

TEST(HostRules, ReplaceTakesNamesAndRules) {
  const auto kind = make_firewall_replace();
  const auto effect = [&](const std::string& ruleset) {
    return kind->plan({"web1"}, "", with("ruleset", ruleset), small_stack()).placements[0].effect;
  };
  EXPECT_EQ(effect("drop-all"), "loads ruleset drop-all in place of the rules of web1");
  EXPECT_EQ(effect("table inet x { }"), "loads the given ruleset in place of the rules of web1");
  EXPECT_THAT(error_of([&] { effect("drop-everything"); }),
              HasSubstr("one of: drop-all, no-established, accept-all, or rules"));
  EXPECT_THAT(error_of([&] { kind->make({{"ruleset", "drop"}}); }), HasSubstr("but must be"));
}

TEST(HostRules, BuiltInRulesetsAreBadInTheirWay) {
  EXPECT_THAT(builtin_ruleset("drop-all", {443}),
              AllOf(HasSubstr("hook input priority 0; policy drop"), Not(HasSubstr("443")),
                    Not(HasSubstr("established"))));
  EXPECT_THAT(
      builtin_ruleset("no-established", {22, 443}),
      AllOf(HasSubstr("tcp dport { 22, 443 } accept"),
            HasSubstr("hook output priority 0; policy accept"), Not(HasSubstr("established"))));
  EXPECT_THAT(builtin_ruleset("no-established", {}), Not(HasSubstr("dport")));
  EXPECT_THAT(builtin_ruleset("accept-all", {}), Not(HasSubstr("drop")));
}

TEST(Conntrack, PlansAndRules) {
  const auto flush = make_conntrack_flush()->plan({"web1"}, "", {}, small_stack());
  EXPECT_EQ(flush.placements.at(0).effect,
            "deletes all entries of the connection tracking table of web1");
  EXPECT_THAT(flush.placements[0].undo, HasSubstr("nothing: entries come back"));
  const auto full = make_conntrack_full()->plan({"web1"}, "", {}, small_stack());
  EXPECT_THAT(full.placements.at(0).effect, HasSubstr("needs a new entry"));
  EXPECT_TRUE(full.witnesses.empty()) << "a connection that is open stays open";
  EXPECT_THAT(full_table_rules("t"), HasSubstr("hook prerouting priority -199; policy accept;\n"
                                               "    ct state new counter drop\n"));
  for (const auto& kind : {make_conntrack_flush(), make_conntrack_full()}) {
    EXPECT_THAT(error_of([&] { kind->make({{"x", 1}}); }), HasSubstr("'x' is unknown"));
    EXPECT_THAT(error_of([&] { kind->plan({"web1"}, "nginx", {}, small_stack()); }),
                HasSubstr("whole host"));
    EXPECT_TRUE(kind->info().prove_variants.empty());
  }
}

}  // namespace
}  // namespace nospof::faults
