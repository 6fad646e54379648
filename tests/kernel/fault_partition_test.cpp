#include "fault_partition_fixture.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;

TEST_F(PartitionOnLink, IsolationCutsNewAndEstablishedConnectionsAndArp) {
  const auto outwards = establish(h1(), h2());
  const auto inwards = establish(h3(), h1());
  const auto untouched = establish(h2(), h3());
  ASSERT_TRUE(outwards.flows_to_server(arrival));
  ASSERT_TRUE(inwards.flows_to_client(arrival));
  ASSERT_TRUE(answers_arp(h2(), h1()));
  const std::string before = ruleset(h1());

  auto cut = inject({"h1"});
  ASSERT_EQ(cut.size(), 1U);
  EXPECT_FALSE(reaches(h1(), h2()));
  EXPECT_FALSE(reaches(h2(), h1()));
  EXPECT_FALSE(reaches(h3(), h1()));
  EXPECT_FALSE(outwards.flows_to_server(silence));
  EXPECT_FALSE(outwards.flows_to_client(silence));
  EXPECT_FALSE(inwards.flows_to_client(silence));
  EXPECT_FALSE(answers_arp(h2(), h1()));
  EXPECT_TRUE(answers_arp(h2(), h3()));
  EXPECT_TRUE(reaches(h2(), h3()));
  EXPECT_TRUE(untouched.flows_to_server(arrival));
  EXPECT_TRUE(static_cast<bool>(h1().connect("127.0.0.1", port))) << "lo must stay";

  heal(cut);
  EXPECT_TRUE(eventually_reaches(h1(), h2()));
  EXPECT_TRUE(eventually_reaches(h3(), h1()));
  EXPECT_TRUE(is_readable(outwards.server.get(), arrival)) << "the connection outlived the cut";
  EXPECT_TRUE(is_readable(outwards.client.get(), arrival));
  EXPECT_EQ(ruleset(h1()), before);
}

TEST_F(PartitionOnLink, IsolationOfIncomingTraffic) {
  ASSERT_TRUE(datagram_arrives(h1(), h2()));
  ASSERT_TRUE(datagram_arrives(h2(), h1()));
  auto cut = inject({"h1"}, isolated("in"));
  EXPECT_TRUE(datagram_arrives(h1(), h2()));
  EXPECT_FALSE(datagram_arrives(h2(), h1()));
  EXPECT_FALSE(reaches(h1(), h2())) << "the answer can't come in";
  EXPECT_THAT(ask(cut[0], &kinds::Injection::confirm).evidence, HasSubstr(" in"));
  heal(cut);
  EXPECT_TRUE(datagram_arrives(h2(), h1()));
}

TEST_F(PartitionOnLink, IsolationOfOutgoingTraffic) {
  ASSERT_TRUE(datagram_arrives(h1(), h2()));
  ASSERT_TRUE(datagram_arrives(h2(), h1()));
  auto cut = inject({"h1"}, isolated("out"));
  EXPECT_FALSE(datagram_arrives(h1(), h2()));
  EXPECT_TRUE(datagram_arrives(h2(), h1()));
  EXPECT_FALSE(answers_arp(h2(), h1()));
  EXPECT_FALSE(reaches(h2(), h1()));
  heal(cut);
  EXPECT_TRUE(datagram_arrives(h1(), h2()));
}

TEST_F(PartitionOnLink, GroupsAreCutFromEachOtherOnly) {
  const auto over_the_cut = establish(h1(), h2());
  auto cut = inject({"h1"}, from({"h2"}));
  ASSERT_EQ(cut.size(), 2U);
  EXPECT_FALSE(reaches(h1(), h2()));
  EXPECT_FALSE(reaches(h2(), h1()));
  EXPECT_FALSE(over_the_cut.flows_to_server(silence));
  EXPECT_FALSE(answers_arp(h1(), h2()));
  EXPECT_FALSE(answers_arp(h2(), h1()));
  for (LinkedHost* side : {&h1(), &h2()}) {
    EXPECT_TRUE(reaches(*side, h3()));
    EXPECT_TRUE(reaches(h3(), *side));
    EXPECT_TRUE(answers_arp(*side, h3()));
  }
  heal(cut);
  EXPECT_TRUE(eventually_reaches(h1(), h2()));
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
}

TEST_F(PartitionOnLink, BothSidesOfAGroupDropByThemselves) {
  auto cut = prepare({"h1"}, from({"h2"}));
  for (auto& part : cut) {
    part.host->in([&] { part.injection->inject(); });
    EXPECT_FALSE(reaches(h1(), h2())) << part.host->name();
    EXPECT_FALSE(reaches(h2(), h1())) << part.host->name();
    std::vector<InForce> one;
    one.push_back(std::move(part));
    heal(one);
    EXPECT_TRUE(eventually_reaches(h1(), h2()));
  }
}

TEST_F(PartitionOnLink, GroupsCutOneWay) {
  ASSERT_TRUE(datagram_arrives(h1(), h2()));
  ASSERT_TRUE(datagram_arrives(h2(), h1()));
  for (const std::string direction : {"in", "out"}) {
    auto cut = inject({"h1"}, from({"h2"}, direction));
    EXPECT_EQ(datagram_arrives(h1(), h2()), direction == "in") << direction;
    EXPECT_EQ(datagram_arrives(h2(), h1()), direction == "out") << direction;
    EXPECT_TRUE(datagram_arrives(h1(), h3()));
    EXPECT_TRUE(datagram_arrives(h3(), h1()));
    heal(cut);
    EXPECT_TRUE(datagram_arrives(h1(), h2()));
    EXPECT_TRUE(datagram_arrives(h2(), h1()));
  }
}

TEST_F(PartitionOnLink, AnAddressThatAPeerTookOverIsCutToo) {
  const std::string vip = "198.18.0.100";
  Netlink::in(h2().namespace_fd()).add_address("eth0", vip + "/32");
  ASSERT_TRUE(static_cast<bool>(dial_until_open(h1(), vip, port)));
  ASSERT_TRUE(static_cast<bool>(dial_until_open(h3(), vip, port)));
  auto cut = inject({"h1"}, from({"h2"}));
  EXPECT_FALSE(static_cast<bool>(h1().connect(vip, port)));
  EXPECT_TRUE(static_cast<bool>(h3().connect(vip, port)));
  heal(cut);
  EXPECT_TRUE(static_cast<bool>(dial_until_open(h1(), vip, port)));
}

TEST_F(PartitionOnLink, BitesBeforeAFirewallThatAcceptsEverything) {
  load(h1(), permissive_firewall);
  const auto connection = establish(h1(), h2());
  ASSERT_TRUE(connection.flows_to_server(arrival));
  const std::string before = ruleset(h1());
  auto cut = inject({"h1"});
  EXPECT_FALSE(connection.flows_to_server(silence));
  EXPECT_FALSE(connection.flows_to_client(silence));
  EXPECT_FALSE(reaches(h2(), h1()));
  EXPECT_FALSE(reaches(h1(), h3()));
  heal(cut);
  EXPECT_TRUE(is_readable(connection.server.get(), arrival));
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
  const std::string after = ruleset(h1());
  // Elements of a dynamic set come and go with traffic; everything else is the same to the byte.
  const auto rules_only = [](const std::string& text) {
    std::string kept;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
      const std::string line = text.substr(at, end - at);
      if (line.find("198.18.0.") == std::string::npos) kept += line;
      at = end;
    }
    return kept;
  };
  EXPECT_EQ(rules_only(after), rules_only(before));
}

TEST_F(PartitionOnLink, IsSeenToBiteBehindAFirewallThatForbidsEverythingElse) {
  load(h1(), R"(table inet host {
    chain out {
      type filter hook output priority 0; policy drop
      oif "lo" accept
      tcp sport 7000 accept
    }
    chain in {
      type filter hook input priority 0; policy drop
      iif "lo" accept
      tcp dport 7000 accept
    }
  })");
  ASSERT_TRUE(reaches(h2(), h1()));
  for (const char* direction : {"both", "in", "out"}) {
    auto cut = inject({"h1"}, isolated(direction));
    EXPECT_FALSE(reaches(h2(), h1())) << direction;
    heal(cut);
    EXPECT_TRUE(eventually_reaches(h2(), h1())) << direction;
  }
}

}  // namespace
}  // namespace nospof::test
