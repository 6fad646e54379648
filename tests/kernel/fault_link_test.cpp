#include "fault_network_fixture.hpp"
#include "faults/link_down.hpp"
#include "faults/link_flap.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class LinkFaults : public NetworkFault {
 protected:
  static constexpr Kind down = faults::make_link_down;
  static constexpr Kind flap = faults::make_link_flap;

  /// Everything that the kernel forgets when a link goes down.
  void furnish(LinkedHost& host) {
    for (const std::vector<std::string>& argv : std::vector<std::vector<std::string>>{
             {"ip", "route", "add", "default", "via", "198.18.0.3"},
             {"ip", "route", "add", "198.18.64.0/24", "via", "198.18.0.3", "metric", "50"},
             {"ip", "route", "add", "198.18.64.0/24", "via", "198.18.0.2", "metric", "60", "mtu",
              "1400"},
             {"ip", "route", "add", "198.18.65.0/24", "via", "198.18.64.1", "onlink", "dev", "eth0",
              "proto", "static", "table", "77"},
             {"ip", "route", "add", "198.18.66.0/24", "nexthop", "via", "198.18.0.2", "weight", "2",
              "nexthop", "via", "198.18.0.3"},
             {"ip", "route", "add", "198.18.67.0/24", "dev", "eth0", "src", host.address()},
             {"ip", "neigh", "add", "198.18.0.9", "lladdr", "02:00:00:00:00:09", "dev", "eth0",
              "nud", "permanent"},
             {"ip", "-6", "addr", "add", "2001:db8::1/64", "dev", "eth0", "nodad"},
             {"ip", "-6", "route", "add", "2001:db8:1::/48", "via", "2001:db8::2"},
             // The connected route with another metric than the kernel's.
             {"ip", "route", "add", "198.18.0.0/24", "dev", "eth0", "proto", "kernel", "scope",
              "link", "src", host.address(), "metric", "100"},
             {"ip", "route", "del", "198.18.0.0/24", "dev", "eth0", "proto", "kernel", "scope",
              "link", "src", host.address(), "metric", "0"}})
      run_on(host, argv);
  }
};

TEST_F(LinkFaults, DownCutsEverythingAndEverythingComesBack) {
  furnish(h1());
  const auto connection = establish(h1(), h2());
  ASSERT_TRUE(connection.flows_to_server(arrival));
  const std::string before = snapshot(h1());
  auto faults = inject(down, {"h1"});
  EXPECT_FALSE(connection.flows_to_server(silence));
  EXPECT_FALSE(reaches(h2(), h1()));
  EXPECT_TRUE(reaches(h2(), h3()));
  EXPECT_THAT(snapshot(h1()), Not(HasSubstr("198.18.64.0/24")));
  heal(faults);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
  EXPECT_TRUE(eventually_reaches(h1(), h2()));
  EXPECT_TRUE(is_readable(connection.server.get(), arrival)) << "the connection outlived it";
  EXPECT_EQ(snapshot(h1()), before);
}

TEST_F(LinkFaults, DownBitesOnAHostThatAcceptsEverythingEarly) {
  load(h1(), accept_all_early);
  run_on(h1(),
         {"tc", "qdisc", "add", "dev", "eth0", "root", "handle", "5:", "htb", "default", "7"});
  run_on(h1(), {"tc", "class", "add", "dev", "eth0", "parent", "5:", "classid", "5:7", "htb",
                "rate", "100mbit"});
  const std::string before = snapshot(h1());
  auto faults = inject(down, {"h1"});
  EXPECT_FALSE(reaches(h2(), h1()));
  heal(faults);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
  EXPECT_EQ(snapshot(h1()), before);
}

TEST_F(LinkFaults, DownTwiceIsRefusedAndHealingTwiceDoesNothing) {
  auto faults = inject(down, {"h1"});
  EXPECT_THROW(faults[0].thread->run([&] { faults[0].injection->inject(); }), Error);
  EXPECT_THAT(refusal([&] { prepare(down, {"h1"}); }), HasSubstr("eth0 of host 'h1' is down"));
  heal(faults);
  heal(faults);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
}

TEST_F(LinkFaults, AnAddressThatMovedAwayMeanwhileStaysAway) {
  run_on(h1(), {"ip", "addr", "add", "198.18.0.100/32", "dev", "eth0"});
  run_on(h1(),
         {"ip", "route", "add", "198.18.70.0/24", "via", "198.18.0.3", "src", "198.18.0.100"});
  auto faults = inject(down, {"h1"});
  run_on(h1(), {"ip", "addr", "del", "198.18.0.100/32", "dev", "eth0"});
  heal(faults);
  EXPECT_THAT(snapshot(h1()), Not(HasSubstr("198.18.0.100")));
}

TEST_F(LinkFaults, RoutesOfARoutingDaemonAreItsOwn) {
  run_on(h1(), {"ip", "route", "add", "198.18.71.0/24", "via", "198.18.0.3", "proto", "bird"});
  run_on(h1(), {"ip", "route", "add", "198.18.72.0/24", "via", "198.18.0.3", "proto", "static"});
  auto faults = inject(down, {"h1"});
  heal(faults);
  EXPECT_THAT(snapshot(h1()), Not(HasSubstr("198.18.71.0")));
  EXPECT_THAT(snapshot(h1()), HasSubstr("198.18.72.0"));
}

TEST_F(LinkFaults, DownIsRecoveredAfterTheDeathOfItsOwner) {
  furnish(h1());
  const auto parameters = placement(down, "h1");
  const std::string before = snapshot(h1());
  Owner owner = start_owner(h1(), down, parameters);
  kill(owner);
  EXPECT_FALSE(reaches(h2(), h1())) << "it outlives its owner";
  recover(h1(), owner.records);
  EXPECT_EQ(snapshot(h1()), before);
  recover(h1(), owner.records);
  EXPECT_EQ(snapshot(h1()), before);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
}

TEST_F(LinkFaults, WhatIsHalfPutBackIsFinished) {
  furnish(h1());
  const std::string before = snapshot(h1());
  Owner owner = start_owner(h1(), down, placement(down, "h1"));
  kill(owner);
  run_on(h1(), {"ip", "link", "set", "eth0", "up"});
  run_on(h1(), {"ip", "route", "add", "default", "via", "198.18.0.3"});
  recover(h1(), owner.records);
  EXPECT_EQ(snapshot(h1()), before);
}

TEST_F(LinkFaults, ALinkThatIsGoneTakesEverythingWithIt) {
  Owner owner = start_owner(h1(), down, placement(down, "h1"));
  kill(owner);
  Netlink::in(h1().namespace_fd()).delete_link("eth0");
  recover(h1(), owner.records);
}

TEST_F(LinkFaults, RefusesWhatItCanNotPutBackOrDoesNotKnow) {
  const auto on_device = [](const std::string& name) {
    return boost::json::object{{"device", name}, {"address", "198.18.0.1"}};
  };
  for (const Kind kind : {down, flap}) {
    EXPECT_THAT(refusal([&] { prepare_on(h1(), kind, on_device("eth7")); }),
                HasSubstr("no network device 'eth7'"));
    EXPECT_THAT(refusal([&] { prepare_on(h1(), kind, on_device("lo")); }),
                HasSubstr("no link to anybody"));
    EXPECT_THAT(refusal([&] {
                  prepare_on(h1(), kind, {{"address", "198.18.0.77"}});
                }),
                HasSubstr("no network device of host 'h1' has its address 198.18.0.77"));
  }
  run_on(h1(), {"ip", "nexthop", "add", "id", "7", "via", "198.18.0.3", "dev", "eth0"});
  EXPECT_THAT(refusal([&] { prepare(down, {"h1"}); }), HasSubstr("nexthop objects"));
}

TEST_F(LinkFaults, FlapTogglesUntilItIsHealed) {
  furnish(h1());
  const std::string before = snapshot(h1());
  auto faults =
      inject(flap, {"h1"}, {{"down", spec::Duration(100ms)}, {"up", spec::Duration(100ms)}});
  int changes = 0;
  std::optional<bool> last;
  const auto end = std::chrono::steady_clock::now() + arrival;
  while (changes < 6 && std::chrono::steady_clock::now() < end) {
    const std::string link = output_of(h1(), {"ip", "-o", "link", "show", "eth0"});
    const bool up = link.find(",UP") != std::string::npos;
    if (last && *last != up) ++changes;
    last = up;
  }
  EXPECT_GE(changes, 6);
  heal(faults);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
  EXPECT_EQ(snapshot(h1()), before);
  heal(faults);
  EXPECT_THROW(faults[0].thread->run([&] { faults[0].injection->inject(); }), Error);
}

TEST_F(LinkFaults, FlapEndsWithItsOwnerAndIsRecovered) {
  furnish(h1());
  const std::string before = snapshot(h1());
  for (int round = 0; round < 5; ++round) {
    Owner owner =
        start_owner(h1(), flap, {{"address", h1().address()}, {"down_ms", 15}, {"up_ms", 15}});
    std::this_thread::sleep_for(round * 7ms);
    kill(owner);
    recover(h1(), owner.records);
    EXPECT_EQ(snapshot(h1()), before);
  }
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
}

}  // namespace
}  // namespace nospof::test
