#include "fault_network_fixture.hpp"
#include "faults/vip_conflict.hpp"
#include "system/arp.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// h2 owns the VIP, h3 is a client, h1 becomes a second owner. All accept on the same port.
class VipOnLink : public NetworkFault {
 protected:
  static constexpr Kind kind = faults::make_vip_conflict;
  static constexpr const char* vip = "198.18.0.100";

  void SetUp() override {
    NetworkFault::SetUp();
    if (IsSkipped()) return;
    Netlink::in(h2().namespace_fd()).add_address("eth0", std::string(vip) + "/32");
    stack_.vips.push_back({"front", vip, "www.nospof.test", {"h2"}});
    ASSERT_TRUE(static_cast<bool>(dial_until_open(h3(), vip, port)));
  }

  /// The hardware address that h3 has for the VIP.
  std::string believed() { return output_of(h3(), {"ip", "neigh", "show", vip}); }
  bool eventually_believed(const std::string& mac) {
    const auto end = std::chrono::steady_clock::now() + arrival;
    while (believed().find(mac) == std::string::npos) {
      if (std::chrono::steady_clock::now() >= end) return false;
      std::this_thread::sleep_for(20ms);
    }
    return true;
  }
};

TEST_F(VipOnLink, ClientsGetToTheSecondOwnerAndBackToTheFirst) {
  ASSERT_THAT(believed(), HasSubstr(h2().mac()));
  const std::string before = snapshot(h1());
  const std::string owner_before = snapshot(h2());
  auto faults = inject(kind, {"h1"}, {{"vip", std::string("front")}});
  EXPECT_TRUE(eventually_believed(h1().mac()));
  const UniqueFd listener = h1().listen(7200);
  EXPECT_TRUE(static_cast<bool>(dial_until_open(h3(), vip, 7200))) << "only h1 listens there";
  heal(faults);
  EXPECT_TRUE(eventually_believed(h2().mac()));
  EXPECT_TRUE(static_cast<bool>(dial_until_open(h3(), vip, port)));
  EXPECT_FALSE(static_cast<bool>(h3().connect(vip, 7200)));
  EXPECT_EQ(snapshot(h1()), before);
  EXPECT_EQ(snapshot(h2()), owner_before);
}

TEST_F(VipOnLink, AnnouncesAgainWhatTheOwnerSaysInBetween) {
  auto faults = inject(kind, {"h1"}, {{"interval", spec::Duration(50ms)}});
  for (int round = 0; round < 3; ++round) {
    h2().in([&] { announce_address(vip, mac_of(*link_towards(endpoint(vip, 0).sin_addr))); });
    EXPECT_TRUE(eventually_believed(h1().mac())) << round;
  }
  heal(faults);
}

TEST_F(VipOnLink, AHostThatHasItIsRefusedAndSoIsAnAddressWithoutAnOwner) {
  EXPECT_THAT(refusal([&] { prepare(kind, {"h2"}); }), HasSubstr("host 'h2' has 198.18.0.100"));
  EXPECT_THAT(refusal([&] {
                prepare(kind, {"h1"}, {{"vip", std::string("198.18.0.77")}});
              }),
              HasSubstr("answers for 198.18.0.77"));
  EXPECT_THAT(refusal([&] {
                prepare(kind, {"h1"}, {{"vip", std::string("192.0.2.1")}});
              }),
              HasSubstr("no Ethernet link"));
}

TEST_F(VipOnLink, TheSameAddressOfSomebodyElseStays) {
  auto faults = inject(kind, {"h1"});
  // VRRP made this host the owner meanwhile, with another prefix length.
  run_on(h1(), {"ip", "addr", "add", "198.18.0.100/24", "dev", "eth0"});
  heal(faults);
  EXPECT_THAT(snapshot(h1()), HasSubstr("198.18.0.100/24"));
  EXPECT_THAT(snapshot(h1()), Not(HasSubstr("eth0:nospof")));
}

TEST_F(VipOnLink, TwiceIsRefusedAndHealingTwiceDoesNothing) {
  auto faults = inject(kind, {"h1"});
  EXPECT_THROW(faults[0].thread->run([&] { faults[0].injection->inject(); }), Error);
  EXPECT_THAT(refusal([&] { prepare(kind, {"h1"}); }), HasSubstr("has 198.18.0.100 already"));
  heal(faults);
  heal(faults);
}

TEST_F(VipOnLink, IsRecoveredAfterTheDeathOfItsOwner) {
  load(h1(), accept_all_early);
  expect_recovered_after_death(h1(), kind, placement(kind, "h1"));
  EXPECT_TRUE(eventually_believed(h2().mac()));
  EXPECT_TRUE(static_cast<bool>(dial_until_open(h3(), vip, port)));
}

}  // namespace
}  // namespace nospof::test
