#include "fault_network_fixture.hpp"
#include "faults/mtu.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;

class MtuOnLink : public NetworkFault {
 protected:
  static constexpr Kind kind = faults::make_mtu;
  static constexpr std::size_t small = 500;
  static constexpr std::size_t large = 1300;

  /// Whether a datagram with so many bytes arrives.
  bool arrives(const LinkedHost& from, const LinkedHost& to, std::size_t bytes) {
    const UniqueFd receiver = to.datagrams(port);
    const UniqueFd sender = from.datagrams(port);
    const sockaddr_in destination = endpoint(to.address(), port);
    const std::string payload(bytes, 'm');
    ::sendto(sender.get(), payload.data(), payload.size(), MSG_DONTWAIT,
             reinterpret_cast<const sockaddr*>(&destination), sizeof destination);
    return is_readable(receiver.get(), silence);
  }

  /// Whether so many bytes come through an established connection in time.
  static bool carries_much(const UniqueFd& from, const UniqueFd& to, std::size_t bytes,
                           std::chrono::milliseconds at_most) {
    const std::string sent(bytes, 'b');
    ::send(from.get(), sent.data(), sent.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    const auto end = std::chrono::steady_clock::now() + at_most;
    std::string block(bytes, '\0');
    for (std::size_t got = 0; got < bytes;) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      if (left <= 0ms || !is_readable(to.get(), left)) return false;
      const ssize_t n = ::recv(to.get(), block.data(), block.size(), MSG_DONTWAIT);
      if (n <= 0) return false;
      got += static_cast<std::size_t>(n);
    }
    return true;
  }
};

TEST_F(MtuOnLink, LargePacketsVanishAndSmallOnesPass) {
  const auto connection = establish(h1(), h2());
  ASSERT_TRUE(carries_much(connection.client, connection.server, 20'000, arrival));
  ASSERT_TRUE(arrives(h1(), h2(), large));
  const std::string before = snapshot(h1());
  auto faults = inject(kind, {"h1"}, {{"size", std::int64_t{1000}}});
  EXPECT_TRUE(arrives(h1(), h2(), small));
  EXPECT_TRUE(arrives(h2(), h1(), small));
  EXPECT_FALSE(arrives(h1(), h2(), large));
  EXPECT_FALSE(arrives(h2(), h1(), large));
  EXPECT_TRUE(arrives(h2(), h3(), large));
  EXPECT_TRUE(reaches(h2(), h1())) << "a connection still opens";
  EXPECT_TRUE(connection.flows_to_server(arrival)) << "and carries little";
  EXPECT_FALSE(carries_much(connection.client, connection.server, 20'000, silence * 2));
  EXPECT_FALSE(carries_much(connection.server, connection.client, 20'000, silence * 2));
  heal(faults);
  EXPECT_TRUE(arrives(h1(), h2(), large));
  EXPECT_TRUE(is_readable(connection.server.get(), arrival)) << "the connection outlived it";
  EXPECT_EQ(snapshot(h1()), before);
}

TEST_F(MtuOnLink, TheSizeIsThatOfTheLargestThatPasses) {
  constexpr std::size_t headers = 28;
  auto faults = inject(kind, {"h1"}, {{"size", std::int64_t{1000}}});
  EXPECT_TRUE(arrives(h1(), h2(), 1000 - headers));
  EXPECT_FALSE(arrives(h1(), h2(), 1001 - headers));
  heal(faults);
}

TEST_F(MtuOnLink, NoWordComesBack) {
  auto faults = inject(kind, {"h1"}, {{"size", std::int64_t{1000}}});
  const UniqueFd sender = h2().datagrams(port);
  const sockaddr_in to = endpoint(h1().address(), port);
  check("connect", ::connect(sender.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to));
  const std::string payload(large, 'm');
  ::send(sender.get(), payload.data(), payload.size(), 0);
  EXPECT_FALSE(is_readable(sender.get(), silence)) << "neither data nor an error";
  heal(faults);
}

TEST_F(MtuOnLink, OneWayAndOnePeer) {
  auto out = inject(
      kind, {"h1"},
      {{"size", std::int64_t{1000}}, {"direction", std::string("out")}, {"to", Names{"h2"}}});
  EXPECT_FALSE(arrives(h1(), h2(), large));
  EXPECT_TRUE(arrives(h2(), h1(), large));
  EXPECT_TRUE(arrives(h1(), h3(), large));
  heal(out);
  auto in = inject(kind, {"h1"}, {{"size", std::int64_t{1000}}, {"direction", std::string("in")}});
  EXPECT_TRUE(arrives(h1(), h2(), large));
  EXPECT_FALSE(arrives(h2(), h1(), large));
  heal(in);
  EXPECT_TRUE(arrives(h2(), h1(), large));
}

TEST_F(MtuOnLink, BitesBeforeAFirewallThatAcceptsEverythingAndBehindOneThatForbids) {
  load(h1(), accept_all_early);
  const std::string before = snapshot(h1());
  auto faults = inject(kind, {"h1"});
  EXPECT_FALSE(arrives(h1(), h2(), large));
  heal(faults);
  EXPECT_EQ(snapshot(h1()), before);
  load(h1(), R"(table inet strict {
    chain out { type filter hook output priority 0; policy drop; tcp sport 7000 accept; }
  })");
  auto again = inject(kind, {"h1"});
  heal(again);
}

TEST_F(MtuOnLink, TwiceIsRefusedAndHealingTwiceDoesNothing) {
  auto faults = inject(kind, {"h1"});
  EXPECT_THROW(faults[0].thread->run([&] { faults[0].injection->inject(); }), Error);
  heal(faults);
  heal(faults);
  EXPECT_TRUE(arrives(h1(), h2(), large));
}

TEST_F(MtuOnLink, RefusesASizeThatStopsNothing) {
  EXPECT_THAT(refusal([&] {
                prepare(kind, {"h1"}, {{"size", std::int64_t{1500}}});
              }),
              HasSubstr("no device of host 'h1' sends more than 1500 bytes"));
}

TEST_F(MtuOnLink, GoesWithItsOwner) {
  const std::string before = snapshot(h1());
  Owner owner = start_owner(h1(), kind, placement(kind, "h1"));
  EXPECT_FALSE(arrives(h1(), h2(), large));
  kill(owner);
  recover(h1(), owner.records);
  EXPECT_EQ(snapshot(h1()), before);
  EXPECT_TRUE(arrives(h1(), h2(), large));
}

}  // namespace
}  // namespace nospof::test
