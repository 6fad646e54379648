#include "faults/partition.hpp"

#include <set>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_host.hpp"
#include "faults/cut.hpp"
#include "faults/partition_shapes.hpp"

namespace nospof::faults {
namespace {

namespace json = boost::json;
using test::error_of;
using test::small_stack;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

using Names = std::vector<std::string>;

spec::Parameters from(Names hosts, const std::string& direction = "both") {
  return {{"from", std::move(hosts)}, {"direction", direction}};
}

const kinds::Placement& on(const kinds::Plan& plan, const std::string& host) {
  for (const auto& placement : plan.placements)
    if (placement.host == host) return placement;
  throw Error("no placement on " + host);
}

Names peer_addresses(const kinds::Placement& placement) {
  Names addresses;
  for (const json::value& peer : placement.parameters.at("peers").as_array())
    addresses.emplace_back(peer.at("address").as_string());
  return addresses;
}

TEST(Partition, IsolationIsPlacedOnTheTargetsOnly) {
  const auto plan = make_partition()->plan({"web1", "web2"}, "", {}, small_stack());
  ASSERT_EQ(plan.placements.size(), 2U);
  const auto& placement = on(plan, "web1");
  EXPECT_FALSE(placement.needs_power);
  EXPECT_EQ(placement.parameters.at("everybody"), true);
  EXPECT_EQ(placement.parameters.at("direction"), "both");
  EXPECT_THAT(peer_addresses(placement), testing::SizeIs(5));
  EXPECT_THAT(peer_addresses(placement), Not(testing::Contains("198.18.0.21")));
  EXPECT_EQ(placement.effect, "drops all traffic, in and out, of web1 on every device, ARP too");
  EXPECT_THAT(placement.undo, HasSubstr("the kernel removes"));
  EXPECT_THAT(plan.blast_radius, ElementsAre("web1", "web2"));
}

TEST(Partition, GroupsAreCutOnBothSides) {
  const auto plan = make_partition()->plan({"web1"}, "", from({"lb1", "db1"}), small_stack());
  ASSERT_EQ(plan.placements.size(), 3U);
  EXPECT_THAT(peer_addresses(on(plan, "web1")), ElementsAre("198.18.0.11", "198.18.0.41"));
  EXPECT_THAT(peer_addresses(on(plan, "lb1")), ElementsAre("198.18.0.21"));
  EXPECT_THAT(peer_addresses(on(plan, "db1")), ElementsAre("198.18.0.21"));
  EXPECT_EQ(on(plan, "db1").parameters.at("everybody"), false);
  EXPECT_EQ(on(plan, "web1").parameters.at("peers").as_array()[0].at("mac"), "02:00:00:00:00:11");
  EXPECT_EQ(on(plan, "web1").parameters.at("peers").as_array()[1].at("mac"), "");
  EXPECT_THAT(plan.blast_radius, UnorderedElementsAre("web1", "lb1", "db1"));
}

TEST(Partition, OneWayIsTurnedRoundOnTheOtherSide) {
  const auto kind = make_partition();
  const auto in = kind->plan({"web1"}, "", from({"lb1"}, "in"), small_stack());
  EXPECT_EQ(on(in, "web1").parameters.at("direction"), "in");
  EXPECT_EQ(on(in, "lb1").parameters.at("direction"), "out");
  EXPECT_EQ(on(in, "web1").effect, "drops incoming traffic of web1 from lb1");
  EXPECT_EQ(on(in, "lb1").effect, "drops outgoing traffic of lb1 to web1");
  const auto out = kind->plan({"web1"}, "", from({"lb1"}, "out"), small_stack());
  EXPECT_EQ(on(out, "web1").parameters.at("direction"), "out");
  EXPECT_EQ(on(out, "lb1").parameters.at("direction"), "in");
}

TEST(Partition, WitnessesOfAnIsolationCrossTheCutBothWays) {
  const auto plan = make_partition()->plan({"web1"}, "", {}, small_stack());
  // lb1 -> web1, lb2 -> web1, web1 -> db1 are all there are.
  std::set<std::string> flows;
  for (const auto& witness : plan.witnesses) {
    flows.insert(witness.from_host + ">" + witness.to_host);
    EXPECT_EQ(witness.address, small_stack().host(witness.to_host).address);
  }
  EXPECT_THAT(flows, UnorderedElementsAre("lb1>web1", "lb2>web1", "web1>db1"));
  EXPECT_EQ(plan.witnesses.size(), 3U);
}

TEST(Partition, WitnessesOfGroupsLieBetweenThem) {
  const auto plan = make_partition()->plan({"web1", "web2"}, "", from({"lb1"}), small_stack());
  std::set<std::string> flows;
  for (const auto& witness : plan.witnesses)
    flows.insert(witness.from_host + ">" + witness.to_host);
  EXPECT_THAT(flows, UnorderedElementsAre("lb1>web1", "lb1>web2"));
}

TEST(Partition, AHostsFlowToItselfIsNoWitness) {
  for (const auto& witness : make_partition()->plan({"db1"}, "", {}, small_stack()).witnesses)
    EXPECT_NE(witness.from_host, witness.to_host);
}

TEST(Partition, FewWitnessesSpreadOverHostsAndPorts) {
  kinds::StackView stack;
  stack.hosts.push_back({"hub", "198.18.1.1", "", {}});
  for (int i = 1; i <= 20; ++i) {
    const std::string name = "h" + std::to_string(i);
    stack.hosts.push_back({name, "198.18.2." + std::to_string(i), "", {}});
    for (const int port : {80, 443, 9100}) stack.flows.push_back({name, "hub", port});
  }
  stack.flows.push_back({"hub", "h1", 22});
  const auto plan = make_partition()->plan({"hub"}, "", {}, stack);
  ASSERT_EQ(plan.witnesses.size(), 6U);
  std::set<std::string> hosts;
  std::set<int> ports;
  for (const auto& witness : plan.witnesses) {
    hosts.insert(witness.from_host == "hub" ? witness.to_host : witness.from_host);
    ports.insert(witness.port);
  }
  EXPECT_GE(hosts.size(), 5U);
  EXPECT_THAT(ports, UnorderedElementsAre(80, 443, 9100, 22));
}

TEST(Partition, AGroupKeepsItsOwnAndLosesEverybodyElse) {
  const auto plan =
      make_partition()->plan({"web1", "db1"}, "", {{"shape", std::string("group")}}, small_stack());
  ASSERT_EQ(plan.placements.size(), 6U);
  EXPECT_EQ(on(plan, "web1").effect,
            "drops traffic, in and out, of web1 from and to lb1, lb2, web2, client");
  EXPECT_THAT(peer_addresses(on(plan, "client")), ElementsAre("198.18.0.21", "198.18.0.41"));
  for (const auto& witness : plan.witnesses)
    EXPECT_NE(witness.from_host == "web1", witness.to_host == "web1" || witness.to_host == "db1");
}

TEST(Partition, ByPortOnlyThatPortIsCutAndWitnessed) {
  const spec::Parameters mysql{{"ports", Names{"3306"}}, {"protocol", std::string("tcp")}};
  const auto plan = make_partition()->plan({"web1"}, "", mysql, small_stack());
  EXPECT_EQ(plan.placements.at(0).effect,
            "drops all tcp port 3306 traffic, in and out, of web1 on every device");
  ASSERT_EQ(plan.witnesses.size(), 1U);
  EXPECT_EQ(plan.witnesses[0].port, 3306);
  const spec::Parameters udp{{"protocol", std::string("udp")}};
  EXPECT_TRUE(make_partition()->plan({"web1"}, "", udp, small_stack()).witnesses.empty());
}

TEST(Partition, IsProvedBothWaysAndOneWay) {
  const auto kind = make_partition();
  const auto& variants = kind->info().prove_variants;
  ASSERT_EQ(variants.size(), 2U);
  EXPECT_EQ(variants[0].label, "");
  EXPECT_EQ(variants[1].label, "one-way");
  const auto plan = kind->plan({"web1"}, "", variants[1].parameters, small_stack());
  EXPECT_EQ(plan.placements.at(0).effect,
            "drops all incoming traffic of web1 on every device, ARP too");
}

class Shapes : public ::testing::Test {
 protected:
  // Who sees whom, as rows of '+' and '.'.
  static Names seen(const std::string& shape, std::size_t count) {
    kinds::StackView stack;
    Hosts hosts;
    for (std::size_t i = 0; i < count; ++i)
      stack.hosts.push_back({fmt::format("h{}", i), fmt::format("198.18.0.{}", i + 1), "", {}});
    for (const auto& host : stack.hosts) hosts.push_back(&host);
    Names rows;
    for (const Hosts& unseen : unseen_by(shape, hosts)) {
      rows.emplace_back();
      for (const auto* host : hosts) rows.back() += has_host(unseen, host->name) ? '.' : '+';
    }
    return rows;
  }
};

TEST_F(Shapes, AreWhatTheirNamesSay) {
  EXPECT_THAT(seen("halves", 3), ElementsAre("++.", "++.", "..+"));
  EXPECT_THAT(seen("halves", 4), ElementsAre("++..", "++..", "..++", "..++"));
  EXPECT_THAT(seen("bridge", 3), ElementsAre("++.", "+++", ".++"));
  EXPECT_THAT(seen("bridge", 5), ElementsAre("+++..", "+++..", "+++++", "..+++", "..+++"));
  EXPECT_THAT(seen("each-other", 3), ElementsAre("+..", ".+.", "..+"));
  EXPECT_THAT(seen("majorities-ring", 5), ElementsAre("++..+", "+++..", ".+++.", "..+++", "+..++"));
}

TEST_F(Shapes, InARingEachSeesAMajorityAndNoTwoTheSame) {
  for (std::size_t count = 4; count <= 12; ++count) {
    const Names rows = seen("majorities-ring", count);
    EXPECT_EQ(std::set<std::string>(rows.begin(), rows.end()).size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto sees = std::count(rows[i].begin(), rows[i].end(), '+');
      EXPECT_GT(2 * sees, static_cast<long>(count)) << count;
      EXPECT_LT(sees, static_cast<long>(count)) << count;
      for (std::size_t j = 0; j < count; ++j) EXPECT_EQ(rows[i][j], rows[j][i]);
    }
  }
}

TEST_F(Shapes, CutOnBothSidesAndOnlyAmongTheTargets) {
  const auto plan = make_partition()->plan({"lb1", "lb2", "web1"}, "",
                                           {{"shape", std::string("bridge")}}, small_stack());
  ASSERT_EQ(plan.placements.size(), 2U);
  EXPECT_THAT(peer_addresses(on(plan, "lb1")), ElementsAre("198.18.0.21"));
  EXPECT_THAT(peer_addresses(on(plan, "web1")), ElementsAre("198.18.0.11"));
  EXPECT_THAT(plan.blast_radius, ElementsAre("lb1", "web1"));
  ASSERT_EQ(plan.witnesses.size(), 1U);
  EXPECT_EQ(plan.witnesses[0].from_host, "lb1");
}

TEST_F(Shapes, RefuseWhatTheyCantDo) {
  const auto plan = [](const Names& targets, const spec::Parameters& parameters) {
    return error_of([&] { make_partition()->plan(targets, "", parameters, small_stack()); });
  };
  const auto shape = [](const std::string& name) -> spec::Parameters { return {{"shape", name}}; };
  EXPECT_THAT(plan({"lb1"}, shape("halves")), HasSubstr("at least 2 hosts, not 1"));
  EXPECT_THAT(plan({"lb1", "lb2", "web1"}, shape("majorities-ring")),
              HasSubstr("at least 4 hosts, not 3"));
  EXPECT_THAT(plan({"lb1"}, shape("star")), HasSubstr("one of: isolate, group, halves"));
  EXPECT_THAT(plan({"lb1", "lb2"}, {{"shape", std::string("halves")}, {"from", Names{"web1"}}}),
              HasSubstr("exclude each other"));
  EXPECT_THAT(
      plan({"lb1", "lb2"}, {{"shape", std::string("halves")}, {"direction", std::string("in")}}),
      HasSubstr("cuts both ways"));
  EXPECT_THAT(plan({"lb1", "lb2", "web1", "web2", "db1", "client"}, shape("group")),
              HasSubstr("nobody to cut it off from"));
  EXPECT_THAT(plan({"lb1"}, {{"ports", Names{"0"}}}), HasSubstr("'0' is no port"));
  EXPECT_THAT(plan({"lb1"}, {{"ports", Names{"90-80"}}}), HasSubstr("'90-80' is no port"));
  EXPECT_THAT(plan({"lb1"}, {{"ports", Names{"80-90", "85"}}}), HasSubstr("85 is given twice"));
  EXPECT_THAT(plan({"lb1"}, {{"ports", Names{"80"}}, {"protocol", std::string("icmp")}}),
              HasSubstr("icmp has no ports"));
}

TEST(Partition, RefusesBadPlans) {
  const auto kind = make_partition();
  const auto plan = [&](const Names& targets, const spec::Parameters& parameters) {
    return error_of([&] { kind->plan(targets, "", parameters, small_stack()); });
  };
  EXPECT_THAT(plan({}, {}), HasSubstr("no target"));
  EXPECT_THAT(plan({"nobody"}, {}), HasSubstr("no host 'nobody'"));
  EXPECT_THAT(plan({"web1"}, from({"nobody"})), HasSubstr("no host 'nobody'"));
  EXPECT_THAT(plan({"web1"}, from({"lb1", "web1"})), HasSubstr("both sides"));
  EXPECT_THAT(plan({"web1"}, from({"lb1", "lb1"})), HasSubstr("twice"));
  EXPECT_THAT(plan({"web1"}, from({"lb1"}, "up")), HasSubstr("one of: both, in, out"));
  EXPECT_THAT(plan({"web1"}, {{"form", Names{"lb1"}}}), HasSubstr("known are: from, direction"));
  EXPECT_THAT(plan({"web1"}, {{"from", std::string("lb1")}}), HasSubstr("must be a list"));
  EXPECT_THAT(error_of([&] { kind->plan({"web1"}, "nginx", {}, small_stack()); }),
              HasSubstr("whole host"));
  kinds::StackView lonely;
  lonely.hosts.push_back({"one", "198.18.0.1", "", {}});
  EXPECT_THAT(error_of([&] { kind->plan({"one"}, "", {}, lonely); }), HasSubstr("no other host"));
}

TEST(Partition, RefusesBadPlacementParameters) {
  const auto kind = make_partition();
  const auto make = [&](const char* text) {
    const auto parameters = json::parse(text).as_object();
    return error_of([&] { kind->make(parameters); });
  };
  EXPECT_EQ(make(R"({"everybody": true, "peers": [], "duration_ms": 100})"), "");
  EXPECT_EQ(make(R"({"peers": [{"address": "198.18.0.1"}]})"), "");
  EXPECT_EQ(make(R"({"peers": [{"address": "198.18.0.1", "mac": "02:00:00:00:00:0a"}]})"), "");
  EXPECT_THAT(make(R"({})"), HasSubstr("'peers' is missing"));
  EXPECT_THAT(make(R"({"peers": []})"), HasSubstr("'peers' must not be empty"));
  EXPECT_THAT(make(R"({"peers": "all"})"), HasSubstr("must be a list"));
  EXPECT_THAT(make(R"({"peers": ["198.18.0.1"]})"), HasSubstr("list of objects"));
  EXPECT_THAT(make(R"({"peers": [{"mac": "02:00:00:00:00:01"}]})"),
              HasSubstr("'address' is missing"));
  EXPECT_THAT(make(R"({"peers": [{"address": "198.18.0.1", "port": 1}]})"),
              HasSubstr("'port' is unknown"));
  EXPECT_THAT(make(R"({"peers": [{"address": "198.18.0.300"}]})"), HasSubstr("no IPv4 address"));
  EXPECT_THAT(make(R"({"peers": [{"address": "198.18.0.1 } drop; {"}]})"),
              HasSubstr("no IPv4 address"));
  EXPECT_THAT(make(R"({"peers": [{"address": "198.18.0.1", "mac": "02:00"}]})"),
              HasSubstr("no hardware address"));
  for (const char* mac : {"02:00:00:00:00:0g", "02:00:00:00:00:01:", "02-00-00-00-00-01",
                          "020:0:00:00:00:01", "02:00:00:00:00:0"})
    EXPECT_THAT(error_of([&] {
                  kind->make({{"peers", {{{"address", "198.18.0.1"}, {"mac", mac}}}}});
                }),
                HasSubstr("no hardware address"))
        << mac;
  EXPECT_THAT(make(R"({"everybody": true, "peers": [], "direction": "down"})"),
              HasSubstr("'both', 'in' or 'out'"));
  EXPECT_THAT(make(R"({"everybody": 1, "peers": []})"), HasSubstr("true or false"));
  EXPECT_THAT(
      make(R"({"everybody": true, "peers": [], "from": []})"),
      HasSubstr("'from' is unknown; known are: direction, everybody, peers, ports, protocol"));
}

TEST(Cut, RefusesADeviceNameThatWouldEndTheQuotes) {
  EXPECT_THAT(error_of([] { link_chain("firewall", {"a\" b", 2}, true); }), HasSubstr("device"));
}

}  // namespace
}  // namespace nospof::faults
