#include "fault_network_fixture.hpp"
#include "faults/blackhole.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;

class BlackholeOnLink : public NetworkFault {
 protected:
  static constexpr Kind kind = faults::make_blackhole;
};

TEST_F(BlackholeOnLink, CutsEstablishedAndNewConnectionsOneHostOnly) {
  run_on(h1(), {"ip", "route", "add", "198.18.0.2/32", "dev", "eth0", "metric", "0"});
  const auto to_h2 = establish(h1(), h2());
  const auto from_h2 = establish(h2(), h1());
  const auto to_h3 = establish(h1(), h3());
  ASSERT_TRUE(to_h2.flows_to_server(arrival));
  ASSERT_TRUE(from_h2.flows_to_client(arrival));
  const std::string before = snapshot(h1());
  auto faults = inject(kind, {"h1"}, {{"to", Names{"h2"}}});
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_FALSE(to_h2.flows_to_server(silence));
  EXPECT_FALSE(from_h2.flows_to_client(silence));
  EXPECT_FALSE(reaches(h1(), h2()));
  EXPECT_FALSE(reaches(h2(), h1()));
  EXPECT_TRUE(reaches(h1(), h3()));
  EXPECT_TRUE(to_h3.flows_to_server(arrival));
  heal(faults);
  EXPECT_TRUE(eventually_reaches(h1(), h2()));
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
  EXPECT_TRUE(is_readable(to_h2.server.get(), arrival));
  EXPECT_EQ(snapshot(h1()), before);
}

TEST_F(BlackholeOnLink, EachTypeGivesItsOwnError) {
  const std::map<std::string, int> errors{
      {"blackhole", EINVAL}, {"unreachable", EHOSTUNREACH}, {"prohibit", EACCES}};
  for (const auto& [type, expected] : errors) {
    auto faults = inject(kind, {"h1"}, {{"type", type}});
    const int got = h1().in([&] {
      const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const sockaddr_in to = endpoint(h2().address(), port);
      return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ? 0
                                                                                         : errno;
    });
    EXPECT_EQ(got, expected) << type;
    EXPECT_FALSE(reaches(h3(), h1())) << "everybody, so h3 too";
    heal(faults);
    EXPECT_TRUE(eventually_reaches(h1(), h2()));
  }
}

TEST_F(BlackholeOnLink, APrefixAndAVipOfThePeer) {
  Netlink::in(h2().namespace_fd()).add_address("eth0", "198.18.0.100/32");
  stack_.vips.push_back({"front", "198.18.0.100", "www.test", {"h2"}});
  ASSERT_TRUE(static_cast<bool>(dial_until_open(h1(), "198.18.0.100", port)));
  auto of_peer = inject(kind, {"h1"}, {{"to", Names{"h2"}}});
  EXPECT_FALSE(static_cast<bool>(h1().connect("198.18.0.100", port)));
  heal(of_peer);
  auto prefix = inject(kind, {"h1"}, {{"prefixes", Names{"198.18.0.0/24"}}});
  EXPECT_FALSE(reaches(h1(), h2()));
  EXPECT_FALSE(reaches(h1(), h3()));
  heal(prefix);
  EXPECT_TRUE(eventually_reaches(h1(), h3()));
}

TEST_F(BlackholeOnLink, BitesOnAHostThatAcceptsEverythingEarly) {
  load(h1(), accept_all_early);
  const auto connection = establish(h1(), h2());
  ASSERT_TRUE(connection.flows_to_server(arrival));
  auto faults = inject(kind, {"h1"});
  EXPECT_FALSE(connection.flows_to_server(silence));
  heal(faults);
  EXPECT_TRUE(is_readable(connection.server.get(), arrival));
}

TEST_F(BlackholeOnLink, TwiceIsRefusedAndHealingTwiceDoesNothing) {
  auto faults = inject(kind, {"h1"}, {{"to", Names{"h2"}}});
  EXPECT_THROW(faults[0].thread->run([&] { faults[0].injection->inject(); }), Error);
  EXPECT_THAT(refusal([&] {
                prepare(kind, {"h1"}, {{"to", Names{"h2"}}});
              }),
              HasSubstr("has a blackhole route of nospof to 198.18.0.2/32 already"));
  heal(faults);
  heal(faults);
  EXPECT_TRUE(eventually_reaches(h1(), h2()));
}

TEST_F(BlackholeOnLink, TwoFaultsAtOnceTakeBackTheirOwn) {
  auto first = inject(kind, {"h1"}, {{"to", Names{"h2"}}});
  auto second = inject(kind, {"h1"}, {{"to", Names{"h3"}}});
  heal(first);
  EXPECT_TRUE(eventually_reaches(h1(), h2()));
  EXPECT_FALSE(reaches(h1(), h3()));
  heal(second);
  EXPECT_TRUE(eventually_reaches(h1(), h3()));
}

TEST_F(BlackholeOnLink, SomebodyElsesRouteToTheSamePrefixStays) {
  run_on(h1(), {"ip", "route", "add", "blackhole", "198.18.0.2/32", "metric", "7"});
  run_on(h1(), {"ip", "route", "add", "198.18.0.2/32", "dev", "eth0"});
  const std::string before = snapshot(h1());
  auto faults = inject(kind, {"h1"}, {{"to", Names{"h2"}}});
  EXPECT_NE(snapshot(h1()), before);
  heal(faults);
  EXPECT_EQ(snapshot(h1()), before);
}

TEST_F(BlackholeOnLink, ARuleThatComesFirstMakesItUnable) {
  run_on(h1(), {"ip", "route", "add", "198.18.0.0/24", "dev", "eth0", "table", "99"});
  run_on(h1(), {"ip", "rule", "add", "pref", "10", "to", "198.18.0.2", "lookup", "99"});
  auto faults = prepare(kind, {"h1"}, {{"to", Names{"h2"}}});
  faults[0].thread->run([&] { faults[0].injection->inject(); });
  const auto answer = ask(faults[0], &kinds::Injection::confirm);
  EXPECT_EQ(answer.outcome, Outcome::unable);
  EXPECT_THAT(answer.evidence, HasSubstr("comes first"));
  heal(faults);
}

TEST_F(BlackholeOnLink, RefusesWhatHasNoWayAnyway) {
  run_on(h1(), {"ip", "route", "add", "prohibit", "198.18.0.2/32"});
  EXPECT_THAT(refusal([&] { prepare(kind, {"h1"}); }),
              HasSubstr("host 'h1' has no way to 198.18.0.2"));
}

TEST_F(BlackholeOnLink, IsRecoveredAfterTheDeathOfItsOwner) {
  run_on(h1(), {"ip", "route", "add", "198.18.0.2/32", "dev", "eth0"});
  expect_recovered_after_death(h1(), kind, placement(kind, "h1"));
  EXPECT_TRUE(eventually_reaches(h1(), h2()));
}

}  // namespace
}  // namespace nospof::test
