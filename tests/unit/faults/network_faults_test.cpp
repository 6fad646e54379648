// Plans, texts and refusals of the faults on links, routes, packets, connections and addresses.

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_host.hpp"
#include "faults/blackhole.hpp"
#include "faults/connection_reset.hpp"
#include "faults/link_down.hpp"
#include "faults/link_flap.hpp"
#include "faults/mtu.hpp"
#include "faults/vip_conflict.hpp"

namespace nospof::faults {
namespace {

namespace json = boost::json;
using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Names = std::vector<std::string>;
using Kind = std::unique_ptr<kinds::FaultKind>;

kinds::StackView stack_with_vip() {
  kinds::StackView stack = test::small_stack();
  stack.vips.push_back({"front", "198.18.0.100", "www.nospof.test", {"lb1", "lb2"}});
  return stack;
}

Names texts_in(const json::value& list) {
  Names texts;
  for (const json::value& each : list.as_array()) texts.emplace_back(each.as_string());
  return texts;
}

std::string plan_error(const Kind& kind, const spec::Parameters& parameters,
                       const std::string& service = "") {
  return error_of([&] { kind->plan({"web1"}, service, parameters, stack_with_vip()); });
}
std::string make_error(const Kind& kind, const json::object& parameters) {
  return error_of([&] { kind->make(parameters); });
}

TEST(NetworkFaults, AllRefuseAServiceAndWhatTheyDoNotKnow) {
  for (const auto make : {make_blackhole, make_connection_reset, make_link_down, make_link_flap,
                          make_mtu, make_vip_conflict}) {
    const Kind kind = make();
    EXPECT_THAT(plan_error(kind, {}, "nginx"), HasSubstr("acts on a whole host"));
    EXPECT_THAT(plan_error(kind, {{"bogus", true}}), HasSubstr("'bogus' is unknown"));
    EXPECT_THAT(error_of([&] { kind->plan({"nobody"}, "", {}, stack_with_vip()); }),
                Not(IsEmpty()));
    EXPECT_THAT(kind->info().prove_variants, IsEmpty());
    // What a plan makes is what an agent takes, with the duration that the controller adds.
    json::object parameters =
        kind->plan({"web1"}, "", {}, stack_with_vip()).placements.at(0).parameters;
    parameters["duration_ms"] = 1000;
    EXPECT_EQ(make_error(kind, parameters), "") << kind->info().name;
    parameters["more"] = 1;
    EXPECT_THAT(make_error(kind, parameters), HasSubstr("'more' is unknown"));
  }
}

TEST(Blackhole, LeadsNowhereToPeersAndToVipsThatOnlyTheyHold) {
  const auto plan =
      make_blackhole()->plan({"web1"}, "", {{"to", Names{"lb1", "lb2"}}}, stack_with_vip());
  ASSERT_EQ(plan.placements.size(), 1U);
  EXPECT_THAT(texts_in(plan.placements[0].parameters.at("prefixes")),
              ElementsAre("198.18.0.11/32", "198.18.0.12/32", "198.18.0.100/32"));
  EXPECT_EQ(plan.placements[0].effect, "adds a blackhole route on web1 to lb1, lb2");
  EXPECT_THAT(plan.blast_radius, ElementsAre("web1"));
  EXPECT_EQ(plan.witnesses.size(), 2U);
  const auto one = make_blackhole()->plan({"web1"}, "", {{"to", Names{"lb1"}}}, stack_with_vip());
  EXPECT_THAT(texts_in(one.placements[0].parameters.at("prefixes")), ElementsAre("198.18.0.11/32"));
}

TEST(Blackhole, RefusesBadPrefixes) {
  const Kind kind = make_blackhole();
  for (const char* bad : {"198.18.0.1/24", "198.18.0.0/33", "198.18.0.0/0", "db1", "::1/128", "/8"})
    EXPECT_THAT(plan_error(kind, {{"prefixes", Names{bad}}}), HasSubstr(bad)) << bad;
  EXPECT_THAT(plan_error(kind, {{"prefixes", Names{"198.18.0.0/24"}}, {"to", Names{"lb1"}}}),
              HasSubstr("not both"));
  EXPECT_THAT(plan_error(kind, {{"type", std::string("gone")}}), HasSubstr("must be one of"));
  EXPECT_THAT(plan_error(kind, {{"to", Names{"web1"}}}), HasSubstr("its own peer"));
  EXPECT_THAT(make_error(kind, {{"prefixes", json::array{}}}), HasSubstr("at least one"));
  EXPECT_THAT(make_error(kind, {{"prefixes", {"198.18.0.1", "198.18.0.1/32"}}}),
              HasSubstr("twice"));
}

TEST(LinkDown, NamesTheLinkByItsAddress) {
  const auto plan = make_link_down()->plan({"web1"}, "", {}, stack_with_vip());
  EXPECT_EQ(plan.placements[0].effect, "sets the link with 198.18.0.21 of web1 down");
  EXPECT_EQ(plan.placements[0].parameters.at("address"), "198.18.0.21");
  EXPECT_EQ(plan.witnesses.size(), 3U);
  const auto other =
      make_link_down()->plan({"web1"}, "", {{"device", std::string("eth1")}}, stack_with_vip());
  EXPECT_EQ(other.placements[0].effect, "sets eth1 of web1 down");
  EXPECT_THAT(other.witnesses, IsEmpty());
  EXPECT_THAT(make_error(make_link_down(), {{"device", ""}}), HasSubstr("address"));
}

TEST(LinkFlap, KeepsItsRhythmWithinBounds) {
  using std::chrono::milliseconds;
  const Kind kind = make_link_flap();
  const auto plan =
      kind->plan({"web1"}, "", {{"down", spec::Duration(milliseconds(200))}}, stack_with_vip());
  EXPECT_EQ(plan.placements[0].parameters.at("down_ms"), 200);
  EXPECT_EQ(plan.placements[0].parameters.at("up_ms"), 1000);
  EXPECT_THAT(plan_error(kind, {{"up", spec::Duration(milliseconds(1))}}),
              HasSubstr("from 10ms to 24h"));
  EXPECT_THAT(make_error(kind, {{"address", "198.18.0.1"}, {"down_ms", 1}}),
              HasSubstr("'down_ms' must be a whole number from 10"));
}

TEST(Mtu, RulesDropWhatIsLargerOnEveryDevice) {
  const std::string all = mtu_rules({1000, true, true, {}}, "nospof_t", {{"eth0", 2}});
  EXPECT_THAT(all, HasSubstr("flags owner"));
  EXPECT_THAT(all, HasSubstr("chain in_2 {\n    type filter hook ingress device \"eth0\" priority "
                             "-2147483648"));
  EXPECT_THAT(all, HasSubstr("ip length > 1000 counter drop"));
  EXPECT_THAT(all, HasSubstr("ip6 length > 960 counter drop"));
  const std::string out = mtu_rules({1000, false, true, {"198.18.0.2"}}, "nospof_t", {{"eth0", 2}});
  EXPECT_THAT(out, HasSubstr("ip daddr { 198.18.0.2 } ip length > 1000 counter drop"));
  EXPECT_THAT(out, Not(HasSubstr("ingress")));
}

TEST(Mtu, RefusesImpossibleSizes) {
  const Kind kind = make_mtu();
  EXPECT_THAT(plan_error(kind, {{"size", std::int64_t{67}}}), HasSubstr("from 68 to 65534"));
  EXPECT_THAT(make_error(kind, {{"size", 70000}, {"peers", json::array{}}}), HasSubstr("'size'"));
  EXPECT_THAT(make_error(kind, {{"peers", json::array{}}}), HasSubstr("must not be empty"));
  EXPECT_THAT(make_error(kind, {{"peers", {"db1"}}}), HasSubstr("no IPv4 address"));
  EXPECT_THAT(make_error(kind, {{"peers", {"198.18.0.1"}}, {"direction", "up"}}),
              HasSubstr("'both', 'in' or 'out'"));
  const auto plan = kind->plan({"web1"}, "", {{"direction", std::string("in")}}, stack_with_vip());
  EXPECT_EQ(plan.placements[0].effect,
            "drops packets above 1200 bytes from everybody on web1, without ICMP");
}

TcpSocket listener(const std::string& local, int port) {
  TcpSocket socket;
  socket.local = local;
  socket.local_port = port;
  socket.listening = true;
  return socket;
}
TcpSocket connection(int local_port, const std::string& remote, int remote_port,
                     std::uint64_t cookie) {
  TcpSocket socket;
  socket.local = "198.18.0.21";
  socket.local_port = local_port;
  socket.remote = remote;
  socket.remote_port = remote_port;
  socket.cookie = cookie;
  return socket;
}
std::vector<std::uint64_t> cookies(const std::vector<TcpSocket>& sockets) {
  std::vector<std::uint64_t> found;
  for (const TcpSocket& socket : sockets) found.push_back(socket.cookie);
  return found;
}

TEST(ConnectionReset, ChoosesByPeerWayAndPort) {
  const std::vector<TcpSocket> sockets{
      listener("0.0.0.0", 443),
      listener("127.0.0.1", 3306),
      connection(443, "198.18.0.11", 50000, 1),    // lb1 opened it
      connection(51000, "198.18.0.41", 3306, 2),   // to db1
      connection(443, "198.18.0.101", 50001, 3),   // a client
      connection(3306, "198.18.0.11", 50002, 4)};  // the listener has another address
  const std::set<std::string> peers{"198.18.0.11", "198.18.0.41"};
  EXPECT_THAT(cookies(chosen_connections(sockets, {peers, {}, true, true})), ElementsAre(1, 2, 4));
  EXPECT_THAT(cookies(chosen_connections(sockets, {peers, {}, true, false})), ElementsAre(1));
  EXPECT_THAT(cookies(chosen_connections(sockets, {peers, {}, false, true})), ElementsAre(2, 4));
  EXPECT_THAT(cookies(chosen_connections(sockets, {peers, {3306}, true, true})), ElementsAre(2));
  EXPECT_THAT(chosen_connections(sockets, {{"198.18.0.99"}, {}, true, true}), IsEmpty());
}

TEST(ConnectionReset, PlansOverAllOtherHostsButNobodyElse) {
  const Kind kind = make_connection_reset();
  const auto plan = kind->plan(
      {"web1"}, "", {{"ports", Names{"443"}}, {"direction", std::string("in")}}, stack_with_vip());
  const auto& parameters = plan.placements[0].parameters;
  EXPECT_THAT(texts_in(parameters.at("peers")), testing::Contains("198.18.0.100"));
  EXPECT_THAT(texts_in(parameters.at("peers")), Not(testing::Contains("198.18.0.21")));
  EXPECT_EQ(plan.placements[0].effect,
            "RST to both ends of established TCP connections of web1 from the other hosts, ports "
            "443");
  EXPECT_EQ(plan.placements[0].undo, "nothing is left in force");
  EXPECT_THAT(plan.witnesses, IsEmpty());
}

TEST(ConnectionReset, RefusesBadValues) {
  const Kind kind = make_connection_reset();
  for (const char* bad : {"0", "65536", "https", "80x", ""})
    EXPECT_THAT(plan_error(kind, {{"ports", Names{bad}}}), HasSubstr("no port")) << bad;
  EXPECT_THAT(plan_error(kind, {{"interval", spec::Duration(std::chrono::hours(2))}}),
              HasSubstr("at most 1h"));
  EXPECT_THAT(plan_error(kind, {{"interval", spec::Duration(std::chrono::seconds(1))},
                                {"method", std::string("rules")}}),
              HasSubstr("leave out 'interval'"));
  EXPECT_THAT(make_error(kind, {}), HasSubstr("at least one"));
  EXPECT_THAT(make_error(kind, {{"peers", {"x"}}}), HasSubstr("no IPv4 address"));
  EXPECT_THAT(make_error(kind, {{"peers", {"198.18.0.1"}}, {"method", "hope"}}),
              HasSubstr("'method'"));
}

TEST(ConnectionReset, RulesAnswerBothWays) {
  const std::string rules = reset_rules({{"198.18.0.11"}, {443}, true, false}, "nospof_t");
  EXPECT_THAT(rules, HasSubstr("ip saddr { 198.18.0.11 } tcp dport { 443 } tcp flags"));
  EXPECT_THAT(rules, HasSubstr("ip daddr { 198.18.0.11 } tcp sport { 443 } tcp flags"));
  EXPECT_THAT(rules, Not(HasSubstr("saddr { 198.18.0.11 } tcp sport")));
}

TEST(VipConflict, FindsTheVipByNameDnsNameOrAddress) {
  const Kind kind = make_vip_conflict();
  for (const char* named : {"front", "www.nospof.test", "198.18.0.100", ""}) {
    spec::Parameters parameters;
    if (*named != '\0') parameters["vip"] = std::string(named);
    const auto plan = kind->plan({"web1"}, "", parameters, stack_with_vip());
    EXPECT_EQ(plan.placements[0].parameters.at("address"), "198.18.0.100") << named;
    EXPECT_EQ(plan.placements[0].effect,
              "adds 198.18.0.100 to web1 and announces it there every 200 ms");
  }
  EXPECT_THAT(plan_error(kind, {{"vip", std::string("back")}}), HasSubstr("VIPs: front"));
  EXPECT_THAT(plan_error(kind, {{"vip", std::string("198.18.0.21")}}),
              HasSubstr("own address of 'web1'"));
  EXPECT_THAT(error_of([&] { kind->plan({"web1"}, "", {}, test::small_stack()); }),
              HasSubstr("the stack has none"));
  EXPECT_THAT(make_error(kind, {{"address", "front"}}), HasSubstr("no IPv4 address"));
  EXPECT_THAT(make_error(kind, {{"address", "198.18.0.1"}, {"interval_ms", 1}}),
              HasSubstr("'interval_ms'"));
}

}  // namespace
}  // namespace nospof::faults
