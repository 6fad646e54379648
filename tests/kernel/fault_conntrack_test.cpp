#include "fault_firewall_fixture.hpp"
#include "system/conntrack.hpp"
#include "system/probe_packet.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;

// Only what begins with a SYN, or is known, gets in or out.
constexpr const char* stateful_firewall = R"(
table inet host {
  chain in {
    type filter hook input priority 0; policy drop
    iif "lo" accept
    ct state established,related accept
    tcp dport 1024-65535 tcp flags & (fin|syn|rst|ack) == syn ct state new accept
    meta l4proto icmp accept
  }
  chain out {
    type filter hook output priority 0; policy accept
    meta l4proto tcp tcp flags & (fin|syn|rst|ack) != syn ct state new drop
  }
}
)";

class Conntrack : public FirewallOnLink {
 protected:
  // Packets both ways, so that the entry is an established one.
  Established tracked_connection() {
    Established both = establish(h2(), h1());
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(both.flows_to_server(arrival));
      EXPECT_TRUE(both.flows_to_client(arrival));
    }
    return both;
  }
  std::size_t entries() {
    return h1().in([] { return conntrack_entries(); }).size();
  }
};

TEST_F(Conntrack, FlushMakesEstablishedConnectionsUnknown) {
  load(h1(), stateful_firewall);
  const std::string before = ruleset(h1());
  const auto connection = tracked_connection();
  ASSERT_GT(entries(), 0U);
  auto fault = inject_kind(faults::make_conntrack_flush(), {"h1"});
  EXPECT_THAT(evidence_, HasSubstr("tracked connections forgotten; 0 of those"));
  EXPECT_FALSE(connection.flows_to_server(silence)) << "in the middle, and nobody knows of what";
  EXPECT_TRUE(eventually_reaches(h2(), h1())) << "new connections are let in";
  EXPECT_TRUE(fault[0].injection->undo().empty());
  EXPECT_THROW(h1().in([&] { fault[0].injection->inject(); }), Error);
  heal(fault);
  heal(fault);
  EXPECT_EQ(ruleset(h1()), before);
}

TEST_F(Conntrack, FlushConcernsNoOtherHost) {
  load(h1(), stateful_firewall);
  load(h3(), stateful_firewall);
  const auto here = tracked_connection();
  const auto there = establish(h2(), h3());
  ASSERT_TRUE(there.flows_to_server(arrival));
  ASSERT_TRUE(there.flows_to_client(arrival));
  auto fault = inject_kind(faults::make_conntrack_flush(), {"h1"});
  EXPECT_TRUE(there.flows_to_server(arrival));
  heal(fault);
}

TEST_F(Conntrack, AFullTableLetsKnownConnectionsOnAndNoNewOnes) {
  load(h1(), stateful_firewall);
  const std::string before = ruleset(h1());
  const auto connection = tracked_connection();
  auto fault = inject_kind(faults::make_conntrack_full(), {"h1"});
  EXPECT_TRUE(connection.flows_to_server(arrival));
  EXPECT_TRUE(connection.flows_to_client(arrival));
  EXPECT_FALSE(reaches(h2(), h1()));
  EXPECT_FALSE(reaches(h1(), h2()));
  EXPECT_FALSE(h1().in([] { return loopback_takes_new_flow(); }));
  EXPECT_THAT(evidence_, HasSubstr("a new flow over loopback was refused"));
  EXPECT_THROW(h1().in([&] { fault[0].injection->inject(); }), Error);
  heal(fault);
  heal(fault);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
  EXPECT_TRUE(connection.flows_to_server(arrival));
  EXPECT_EQ(ruleset(h1()), before);
}

TEST_F(Conntrack, AFullTableBitesOnAHostThatAcceptsEverythingEarly) {
  const HostileHost hostile(h1());
  const auto connection = tracked_connection();
  auto fault = inject_kind(faults::make_conntrack_full(), {"h1"});
  EXPECT_TRUE(connection.flows_to_server(arrival));
  EXPECT_FALSE(reaches(h2(), h1()));
  heal(fault);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
  EXPECT_EQ(hostile.damage(), "");
}

TEST_F(Conntrack, AFullTableGoesWithItsOwner) {
  load(h1(), stateful_firewall);
  const std::string before = ruleset(h1());
  for (const auto& record : die_in_force(faults::make_conntrack_full()))
    EXPECT_TRUE(undo_on(h1(), record).done);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
  EXPECT_EQ(ruleset(h1()), before);
}

TEST_F(Conntrack, RefusesAHostThatTracksNothing) {
  EXPECT_THAT(refusal(faults::make_conntrack_full()), HasSubstr("tracks no connections"));
  EXPECT_THAT(refusal(faults::make_conntrack_flush()), HasSubstr("tracks no connection at"));
}

}  // namespace
}  // namespace nospof::test
