#include "fault_network_fixture.hpp"
#include "faults/connection_reset.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;

class ResetOnLink : public NetworkFault {
 protected:
  static constexpr Kind kind = faults::make_connection_reset;

  /// The error that a socket has within the time; 0: none.
  static int error_on(const UniqueFd& fd, std::chrono::milliseconds at_most) {
    if (!is_readable(fd.get(), at_most)) return 0;
    char byte = 0;
    return ::recv(fd.get(), &byte, 1, MSG_DONTWAIT) < 0 ? errno : 0;
  }
  /// With one connection to begin with.
  std::vector<Placed> inject_when_open(const spec::Parameters& parameters) {
    const auto connection = establish(h2(), h1());
    return inject(kind, {"h1"}, parameters);
  }
  static spec::Parameters by(const std::string& method) { return {{"method", method}}; }
};

TEST_F(ResetOnLink, BothEndsSeeItAndOthersDoNot) {
  const auto out = establish(h1(), h2());
  const auto in = establish(h3(), h1());
  const auto untouched = establish(h2(), h3());
  auto faults = inject(kind, {"h1"});
  EXPECT_EQ(error_on(out.client, arrival), ECONNABORTED);
  EXPECT_EQ(error_on(out.server, arrival), ECONNRESET);
  EXPECT_EQ(error_on(in.client, arrival), ECONNRESET);
  EXPECT_TRUE(untouched.flows_to_server(arrival));
  EXPECT_TRUE(reaches(h2(), h1())) << "new connections open";
  EXPECT_TRUE(static_cast<bool>(h1().connect("127.0.0.1", port)));
  heal(faults);
}

TEST_F(ResetOnLink, DirectionPortsAndPeersChoose) {
  const auto out = establish(h1(), h2());
  const auto in = establish(h2(), h1());
  const auto from_h3 = establish(h3(), h1());
  EXPECT_THAT(refusal([&] {
                prepare(kind, {"h1"}, {{"ports", Names{"9999"}}});
              }),
              HasSubstr("no established connection of that kind"));
  auto faults = inject(kind, {"h1"},
                       {{"from", Names{"h2"}},
                        {"direction", std::string("out")},
                        {"ports", Names{std::to_string(port + 1)}}});
  EXPECT_EQ(error_on(out.server, arrival), ECONNRESET);
  EXPECT_TRUE(in.flows_to_server(arrival));
  EXPECT_TRUE(from_h3.flows_to_server(arrival));
  heal(faults);
  EXPECT_TRUE(in.flows_to_client(arrival));
}

TEST_F(ResetOnLink, AcceptedConnectionsAreToldByTheirListener) {
  const UniqueFd listener = h1().listen(7100);
  const UniqueFd client = dial_until_open(h2(), h1().address(), 7100);
  const UniqueFd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const auto out = establish(h1(), h2());
  auto faults = inject(kind, {"h1"}, {{"direction", std::string("in")}});
  EXPECT_EQ(error_on(client, arrival), ECONNRESET);
  EXPECT_EQ(error_on(server, arrival), ECONNABORTED);
  EXPECT_TRUE(out.flows_to_server(arrival));
  heal(faults);
}

TEST_F(ResetOnLink, AgainAndAgainUntilItIsHealed) {
  auto faults = inject_when_open({{"interval", spec::Duration(50ms)}});
  for (int round = 0; round < 3; ++round) {
    const auto later = establish(h2(), h1());
    EXPECT_EQ(error_on(later.client, arrival), ECONNRESET) << round;
  }
  heal(faults);
  const auto lasting = establish(h2(), h1());
  EXPECT_EQ(error_on(lasting.client, silence), 0);
  EXPECT_TRUE(lasting.flows_to_server(arrival));
}

TEST_F(ResetOnLink, ByRulesEstablishedConnectionsEndWithTheirNextPacket) {
  load(h1(), accept_all_early);
  const auto in = establish(h2(), h1());
  const auto out = establish(h1(), h3());
  const auto untouched = establish(h2(), h3());
  const std::string before = snapshot(h1());
  auto faults = prepare(kind, {"h1"}, by("rules"));
  faults[0].thread->run([&] { faults[0].injection->inject(); });
  ::send(in.client.get(), "x", 1, MSG_NOSIGNAL);
  ::send(out.client.get(), "x", 1, MSG_NOSIGNAL);
  EXPECT_EQ(error_on(in.client, arrival), ECONNRESET);
  EXPECT_NE(error_on(out.client, arrival), 0);
  EXPECT_EQ(ask(faults[0], &kinds::Injection::confirm).outcome, Outcome::confirmed);
  EXPECT_TRUE(untouched.flows_to_server(arrival));
  heal(faults);
  EXPECT_EQ(snapshot(h1()), before);
  EXPECT_TRUE(establish(h2(), h1()).flows_to_server(arrival));
}

TEST_F(ResetOnLink, TwiceIsRefusedAndHealingTwiceDoesNothing) {
  const auto connection = establish(h1(), h2());
  auto faults = inject(kind, {"h1"});
  EXPECT_THROW(faults[0].thread->run([&] { faults[0].injection->inject(); }), Error);
  heal(faults);
  heal(faults);
}

TEST_F(ResetOnLink, TheHelperAndTheRulesGoWithTheirOwner) {
  const std::string before = snapshot(h1());
  auto parameters = placement(kind, "h1", {{"interval", spec::Duration(30ms)}});
  {
    const auto connection = establish(h2(), h1());
    Owner owner = start_owner(h1(), kind, parameters);
    kill(owner);
    recover(h1(), owner.records);
    recover(h1(), owner.records);
  }
  const auto lasting = establish(h2(), h1());
  EXPECT_EQ(error_on(lasting.client, silence), 0);
  EXPECT_EQ(snapshot(h1()), before);
  Owner prepared = start_owner(h1(), kind, placement(kind, "h1", by("rules")), false);
  kill(prepared);
  recover(h1(), prepared.records);
  EXPECT_EQ(snapshot(h1()), before);
}

}  // namespace
}  // namespace nospof::test
