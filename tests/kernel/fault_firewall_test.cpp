#include <cmath>

#include "fault_firewall_fixture.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;

spec::Parameters flow(const std::string& action, const std::string& direction = "both",
                      const Names& ports = {}, const Names& peers = {}) {
  spec::Parameters parameters{{"action", action}, {"direction", direction}};
  if (!ports.empty()) parameters["ports"] = ports;
  if (!peers.empty()) parameters["peers"] = peers;
  return parameters;
}

TEST_F(FirewallOnLink, DropsOneFlowOnlyNewAndEstablished) {
  const HostileHost hostile(h1());
  const auto other_port = establish(h2(), h1());  // port 7001
  const auto on_port = [&] {
    Established both;
    both.client = dial_until_open(h2(), h1().address(), port);
    both.server = UniqueFd(::accept4(listeners_[0].get(), nullptr, nullptr, 0));
    return both;
  };
  // What waits in the listener's queue from the fixture's own dials comes first.
  while (is_readable(listeners_[0].get(), 50ms))
    UniqueFd(::accept4(listeners_[0].get(), nullptr, nullptr, 0)).reset();
  const auto established = on_port();
  ASSERT_TRUE(established.flows_to_server(arrival));

  auto fault = inject_kind(faults::make_firewall(), {"h1"}, flow("drop", "both", {"7000"}, {"h2"}));
  EXPECT_EQ(connect_error(h2(), h1().address(), port), ETIMEDOUT);
  EXPECT_FALSE(established.flows_to_server(silence));
  EXPECT_FALSE(established.flows_to_client(silence));
  EXPECT_TRUE(other_port.flows_to_server(arrival));
  EXPECT_TRUE(reaches(h3(), h1()));
  EXPECT_TRUE(answers_arp(h2(), h1()));
  EXPECT_THAT(evidence_, HasSubstr("packets of the flow were dropped"));
  heal(fault);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
  EXPECT_TRUE(is_readable(established.server.get(), arrival)) << "the connection outlived it";
  EXPECT_EQ(hostile.damage(), "");
}

TEST_F(FirewallOnLink, OneDirectionIsDropped) {
  for (const std::string direction : {"in", "out"}) {
    auto fault = inject_kind(faults::make_firewall(), {"h1"}, flow("drop", direction, {}, {"h2"}));
    EXPECT_EQ(datagram_arrives(h1(), h2()), direction == "in") << direction;
    EXPECT_EQ(datagram_arrives(h2(), h1()), direction == "out") << direction;
    EXPECT_TRUE(datagram_arrives(h1(), h3()));
    heal(fault);
    EXPECT_TRUE(datagram_arrives(h1(), h2()));
    EXPECT_TRUE(datagram_arrives(h2(), h1()));
  }
}

TEST_F(FirewallOnLink, RejectIsAnsweredEitherWay) {
  const HostileHost hostile(h1());
  auto fault = inject_kind(faults::make_firewall(), {"h1"}, flow("reject", "both", {"7000"}));
  EXPECT_EQ(connect_error(h2(), h1().address(), port, arrival), ECONNREFUSED);
  // An ICMP error that comes while connect() is still at work is noted only; the next SYN tells.
  EXPECT_EQ(connect_error(h1(), h2().address(), port, arrival), ECONNREFUSED);
  EXPECT_EQ(connect_error(h1(), "127.0.0.1", port), 0);
  heal(fault);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
  EXPECT_TRUE(eventually_reaches(h1(), h2()));
  EXPECT_EQ(hostile.damage(), "");
}

TEST_F(FirewallOnLink, EstablishedConnectionsAreReset) {
  const HostileHost hostile(h1());
  for (const std::string direction : {"in", "out"}) {
    const auto connection = establish(h2(), h1());
    ASSERT_TRUE(connection.flows_to_server(arrival));
    auto fault =
        inject_kind(faults::make_firewall(), {"h1"}, flow("tcp-reset", direction, {"7001"}));
    if (direction == "in") {
      EXPECT_EQ(::send(connection.client.get(), "x", 1, MSG_NOSIGNAL), 1);
      EXPECT_TRUE(is_reset(connection.client.get())) << direction;
    } else {
      EXPECT_EQ(::send(connection.server.get(), "x", 1, MSG_NOSIGNAL), 1);
      EXPECT_TRUE(is_reset(connection.server.get())) << direction;
    }
    EXPECT_TRUE(reaches(h2(), h1())) << "another port";
    heal(fault);
  }
  EXPECT_EQ(hostile.damage(), "");
}

TEST_F(FirewallOnLink, ARatioIsWithinBinomialBounds) {
  constexpr int sent = 20'000;
  constexpr double ratio = 0.3;
  const HostileHost hostile(h1());
  spec::Parameters parameters = flow("drop", "out", {"7000"}, {"h2"});
  parameters["protocol"] = std::string("udp");
  parameters["ratio"] = spec::Percent{ratio};
  auto fault = prepare_kind(faults::make_firewall(), {"h1"}, parameters);
  h1().in([&] { fault[0].injection->inject(); });
  const UniqueFd receiver = h2().datagrams(port);
  const UniqueFd sender = h1().datagrams(port + 2);
  const sockaddr_in to = endpoint(h2().address(), port);
  int arrived = 0;
  const auto drain = [&](std::chrono::milliseconds wait) {
    char byte = 0;
    while (is_readable(receiver.get(), wait)) {
      while (::recv(receiver.get(), &byte, 1, MSG_DONTWAIT) >= 0) ++arrived;
    }
  };
  for (int i = 0; i < sent; ++i) {
    while (::sendto(sender.get(), "d", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0)
      // A packet dropped at the device is told to its sender as ENOBUFS or EPERM.
      if (errno == ENOBUFS || errno == EPERM) break;
    if (i % 50 == 49) drain(0ms);
  }
  drain(silence);
  const double bound = 3.29 * std::sqrt(sent * ratio * (1 - ratio));
  EXPECT_NEAR(sent - arrived, sent * ratio, bound);
  const auto answer = ask(fault[0], &kinds::Injection::confirm);
  EXPECT_EQ(answer.outcome, Outcome::confirmed);
  EXPECT_THAT(answer.evidence, HasSubstr(fmt::format("{} of {} packets", sent - arrived, sent)));
  heal(fault);
  EXPECT_EQ(hostile.damage(), "");
}

TEST_F(FirewallOnLink, TwiceIsRefusedAndHealingTwiceDoesNothing) {
  for (const auto& kind : {faults::make_firewall, faults::make_firewall_lockout}) {
    auto fault = inject_kind(kind(), {"h1"});
    EXPECT_THROW(h1().in([&] { fault[0].injection->inject(); }), Error);
    EXPECT_FALSE(reaches(h2(), h1())) << "the first one stays in force";
    heal(fault);
    heal(fault);
    EXPECT_TRUE(eventually_reaches(h2(), h1()));
  }
}

TEST_F(FirewallOnLink, GoesWithItsOwner) {
  const HostileHost hostile(h1());
  for (const auto& kind : {faults::make_firewall, faults::make_firewall_lockout}) {
    for (const auto& record : die_in_force(kind(), {})) {
      const auto result = undo_on(h1(), record);
      EXPECT_TRUE(result.done) << result.detail;
    }
    EXPECT_TRUE(eventually_reaches(h2(), h1()));
    EXPECT_EQ(hostile.damage(), "");
  }
}

TEST_F(FirewallOnLink, LockoutCutsEverythingButArpAndLoopback) {
  const HostileHost hostile(h1());
  const auto inwards = establish(h2(), h1());
  const auto outwards = establish(h1(), h3());
  ASSERT_TRUE(inwards.flows_to_server(arrival));
  auto fault = inject_kind(faults::make_firewall_lockout(), {"h1"});
  EXPECT_EQ(connect_error(h2(), h1().address(), port), ETIMEDOUT);
  EXPECT_FALSE(reaches(h1(), h2()));
  EXPECT_FALSE(inwards.flows_to_server(silence));
  EXPECT_FALSE(inwards.flows_to_client(silence));
  EXPECT_FALSE(outwards.flows_to_client(silence));
  EXPECT_FALSE(datagram_arrives(h2(), h1()));
  EXPECT_TRUE(answers_arp(h2(), h1()));
  EXPECT_EQ(connect_error(h1(), "127.0.0.1", port), 0);
  EXPECT_TRUE(reaches(h2(), h3()));
  EXPECT_THAT(evidence_, HasSubstr("denies by default"));
  heal(fault);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
  EXPECT_TRUE(is_readable(inwards.server.get(), arrival)) << "the connection outlived it";
  EXPECT_EQ(hostile.damage(), "");
}

TEST_F(FirewallOnLink, LockoutIsSeenBehindAFirewallThatForbidsMuch) {
  load(h1(), "table inet host { chain out { type filter hook output priority 0; policy drop; }; }");
  auto fault = inject_kind(faults::make_firewall_lockout(), {"h1"});
  heal(fault);
}

TEST_F(FirewallOnLink, PartitionLeavesAHostileHostAsItWas) {
  const HostileHost hostile(h1());
  const auto connection = establish(h2(), h1());
  auto cut = inject({"h1"});
  EXPECT_FALSE(connection.flows_to_server(silence));
  EXPECT_FALSE(reaches(h2(), h1()));
  heal(cut);
  EXPECT_TRUE(is_readable(connection.server.get(), arrival));
  EXPECT_EQ(hostile.damage(), "");
}

TEST_F(FirewallOnLink, PartitionByPortCutsThatPortOnly) {
  const HostileHost hostile(h1());
  const auto other_port = establish(h2(), h1());
  auto cut = inject({"h1"}, {{"ports", Names{"7000"}}});
  EXPECT_EQ(connect_error(h2(), h1().address(), port), ETIMEDOUT);
  EXPECT_EQ(connect_error(h1(), h3().address(), port), ETIMEDOUT);
  EXPECT_TRUE(other_port.flows_to_server(arrival));
  EXPECT_TRUE(answers_arp(h2(), h1()));
  heal(cut);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
  EXPECT_EQ(hostile.damage(), "");
}

TEST_F(FirewallOnLink, PartialPartitionLeavesTheThirdToBoth) {
  auto cut = inject({"h1", "h2", "h3"}, {{"shape", std::string("bridge")}});
  ASSERT_EQ(cut.size(), 2U);
  EXPECT_FALSE(reaches(h1(), h3()));
  EXPECT_FALSE(reaches(h3(), h1()));
  for (LinkedHost* side : {&h1(), &h3()}) {
    EXPECT_TRUE(reaches(*side, h2()));
    EXPECT_TRUE(reaches(h2(), *side));
  }
  heal(cut);
  auto apart = inject({"h1", "h2", "h3"}, {{"shape", std::string("each-other")}});
  for (const auto& from : hosts_)
    for (const auto& to : hosts_)
      if (from != to) {
        EXPECT_FALSE(reaches(*from, *to));
      }
  heal(apart);
  auto group = inject({"h1", "h2"}, {{"shape", std::string("group")}});
  EXPECT_TRUE(reaches(h1(), h2()));
  EXPECT_FALSE(reaches(h1(), h3()));
  heal(group);
  EXPECT_TRUE(eventually_reaches(h1(), h3()));
}

}  // namespace
}  // namespace nospof::test
