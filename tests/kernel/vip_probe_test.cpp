// A floating address that really moves between hosts, and when the vip probe says it did.

#include "fault_network_fixture.hpp"
#include "host_state.hpp"
#include "looking_probe.hpp"
#include "probes/vip.hpp"
#include "system/arp.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The moment of a change lies somewhere in between.
struct Truth {
  std::int64_t before_ns;
  std::int64_t after_ns;
};

class VipProbe : public NetworkFault {
 protected:
  static constexpr const char* vip = "198.18.0.100";

  std::unique_ptr<LookingProbe> watch(const LinkedHost& host, const std::string& view,
                                      std::chrono::milliseconds period = 0ms) {
    boost::json::object config{{"address", vip}, {"view", view}};
    if (period > 0ms) config["period_ns"] = Nanoseconds(period).count();
    auto probe = std::make_unique<LookingProbe>(host.namespace_fd(), probes::make_vip(), config);
    probe->wait_for_whole_round();
    return probe;
  }

  Truth changed(const LinkedHost& host, const char* verb, const char* device = "eth0") {
    const std::int64_t before = mono_ns();
    run_on(host, {"ip", "addr", verb, std::string(vip) + "/32", "dev", device});
    return {before, mono_ns()};
  }
  Truth gains(const LinkedHost& host) { return changed(host, "add"); }
  Truth loses(const LinkedHost& host) { return changed(host, "del"); }

  /// Waits for a finding that came after the others; its interval must contain the truth, and must
  /// not reach back before `known_since_ns`, when the probe had looked and seen it otherwise.
  kinds::Finding expect_told(LookingProbe& probe, const char* what, bool over, Truth truth,
                             std::int64_t known_since_ns) {
    const kinds::Finding finding = probe.wait_for([&](const kinds::Finding& each) {
      return each.what == what && each.over == over && each.at_ns >= truth.before_ns;
    });
    EXPECT_EQ(finding.subject, vip);
    EXPECT_FALSE(finding.violation);
    EXPECT_LE(finding.since_ns, truth.after_ns) << what;
    EXPECT_GE(finding.at_ns, truth.before_ns) << what;
    EXPECT_LE(finding.at_ns, mono_ns());
    EXPECT_GE(finding.since_ns, known_since_ns) << what;
    return finding;
  }
  /// A moment since which the probe has looked again.
  static std::int64_t looked_again(LookingProbe& probe) {
    const std::int64_t now = mono_ns();
    probe.wait_for_whole_round();
    return now;
  }
};

TEST_F(VipProbe, OwnTellsWhenTheAddressCameAndWent) {
  const auto probe = watch(h2(), "own");
  EXPECT_TRUE(probe->findings().empty());
  std::int64_t known = looked_again(*probe);
  const Truth came = gains(h2());
  EXPECT_THAT(expect_told(*probe, "holds", false, came, known).detail, HasSubstr("on eth0"));
  known = looked_again(*probe);
  const Truth went = loses(h2());
  expect_told(*probe, "holds", true, went, known);
  gains(h1());
  looked_again(*probe);
  EXPECT_EQ(probe->findings().size(), 2U) << "what another host has is not its own";
}

TEST_F(VipProbe, OwnSeesAnAddressThatIsThereAlreadyAndOneOnADeviceThatIsGone) {
  gains(h2());
  const auto probe = watch(h2(), "own");
  ASSERT_EQ(probe->findings().size(), 1U);
  EXPECT_EQ(probe->findings()[0].what, "holds");
  EXPECT_EQ(probe->findings()[0].since_ns, 0) << "it had never seen it otherwise";
  const std::int64_t known = looked_again(*probe);
  const std::int64_t before = mono_ns();
  Netlink::in(h2().namespace_fd()).delete_link("eth0");
  expect_told(*probe, "holds", true, {before, mono_ns()}, known);
}

TEST_F(VipProbe, OwnSeesWhatGoesAndComesBetweenTwoLooks) {
  gains(h2());
  // After the first look there is none of its own for a long time: all else the kernel told.
  LookingProbe probe(h2().namespace_fd(), probes::make_vip(),
                     {{"address", vip}, {"view", "own"}, {"period_ns", 60'000'000'000}});
  const kinds::Finding first = probe.wait_for([](const auto& each) { return !each.over; });
  const std::int64_t before = mono_ns();
  tool_output({{h2().namespace_fd(), CLONE_NEWNET}}, {"ip", "-batch", "-"},
              fmt::format("addr del {0}/32 dev eth0\naddr add {0}/32 dev eth0\n", vip));
  const std::int64_t after = mono_ns();
  const kinds::Finding again =
      probe.wait_for([&](const auto& each) { return !each.over && each.at_ns > first.at_ns; });
  ASSERT_EQ(probe.findings().size(), 3U);
  const kinds::Finding over = probe.findings()[1];
  EXPECT_TRUE(over.over);
  for (const kinds::Finding& each : {over, again}) {
    EXPECT_GE(each.at_ns, before);
    EXPECT_LE(each.since_ns, after);
    EXPECT_GE(each.since_ns, first.since_ns);
  }
}

TEST_F(VipProbe, OwnHoldsItAsLongAsAnyDeviceHasIt) {
  const auto probe = watch(h2(), "own");
  gains(h2());
  changed(h2(), "add", "lo");
  loses(h2());
  looked_again(*probe);
  EXPECT_EQ(probe->findings().size(), 1U);
  const std::int64_t known = looked_again(*probe);
  const Truth went = changed(h2(), "del", "lo");
  EXPECT_THAT(expect_told(*probe, "holds", true, went, known).detail, HasSubstr("lo"));
}

TEST_F(VipProbe, LinkTellsOwnersNoneAndTwo) {
  const auto probe = watch(h3(), "link");
  ASSERT_EQ(probe->findings().size(), 1U);
  EXPECT_EQ(probe->findings()[0].what, "no-owner");

  std::int64_t known = looked_again(*probe);
  const Truth first = gains(h1());
  EXPECT_EQ(expect_told(*probe, "owner", false, first, known).detail, h1().mac());
  expect_told(*probe, "no-owner", true, first, known);

  known = looked_again(*probe);
  const Truth second = gains(h2());
  const kinds::Finding two = expect_told(*probe, "two-owners", false, second, known);
  EXPECT_THAT(two.detail, HasSubstr(h1().mac()));
  EXPECT_THAT(two.detail, HasSubstr(h2().mac()));

  known = looked_again(*probe);
  const Truth one = loses(h1());
  expect_told(*probe, "two-owners", true, one, known);
  EXPECT_EQ(expect_told(*probe, "owner", false, one, known).detail, h2().mac());

  known = looked_again(*probe);
  const Truth none = loses(h2());
  expect_told(*probe, "owner", true, none, known);
  expect_told(*probe, "no-owner", false, none, known);
}

TEST_F(VipProbe, LinkTellsAnotherOwner) {
  gains(h1());
  const auto probe = watch(h3(), "link");
  ASSERT_EQ(probe->findings().size(), 1U);
  EXPECT_EQ(probe->findings()[0].detail, h1().mac());
  const std::int64_t known = looked_again(*probe);
  const std::int64_t before = mono_ns();
  loses(h1());
  gains(h2());
  const std::int64_t after = mono_ns();
  const kinds::Finding now = probe->wait_for(
      [&](const auto& each) { return each.what == "owner" && each.detail == h2().mac(); });
  EXPECT_GE(now.since_ns, known);
  EXPECT_GE(now.at_ns, before);
  EXPECT_LE(now.since_ns, after);
  const kinds::Finding former =
      probe->wait_for([&](const auto& each) { return each.what == "owner" && each.over; });
  EXPECT_EQ(former.detail, h1().mac());
  EXPECT_LE(former.at_ns, now.at_ns);
}

TEST_F(VipProbe, LinkIsUndecidedWhileItsOwnLinkIsDownAndGoesOnAfterwards) {
  gains(h1());
  const auto probe = watch(h3(), "link");
  run_on(h3(), {"ip", "link", "set", "eth0", "down"});
  looked_again(*probe);
  const kinds::Round down = probe->rounds().back();
  EXPECT_GT(down.checked, 0U);
  EXPECT_EQ(down.undecided, down.checked);
  EXPECT_EQ(probe->findings().size(), 1U) << "the owner is the same for all that is known";
  run_on(h3(), {"ip", "link", "set", "eth0", "up"});
  ASSERT_TRUE(eventually_reaches(h3(), h1()));
  const std::int64_t known = looked_again(*probe);
  const Truth went = loses(h1());
  expect_told(*probe, "no-owner", false, went, known);
}

TEST_F(VipProbe, LinkLeavesEveryArpTableAsItIs) {
  // A host that has talked with nobody yet, so that no kernel has a reason of its own to ask.
  const LinkedHost observer(switch_, "h4", 4);
  const auto neighbours = [](const LinkedHost& host, const std::string& of) {
    return output_of(host, {"ip", "neigh", "show", of});
  };
  const auto believes = [](const LinkedHost& host, const std::string& address,
                           const std::string& mac) {
    run_on(host, {"ip", "neigh", "replace", address, "lladdr", mac, "dev", "eth0", "nud", "stale"});
  };
  gains(h1());
  gains(h2());
  // It believes in an owner that is none, as after a move that it has not heard of. h2 has
  // something wrong about it, h1 nothing.
  believes(observer, vip, "02:00:00:00:00:98");
  believes(h2(), observer.address(), "02:00:00:00:00:99");
  {
    const auto probe = watch(observer, "link", 20ms);
    // Longer than the second for which a kernel does not believe another answer.
    looked_again(*probe);
    looked_again(*probe);
    EXPECT_EQ(probe->findings().back().what, "two-owners") << "they did answer";
  }
  EXPECT_THAT(neighbours(observer, vip), HasSubstr("02:00:00:00:00:98 STALE"));
  EXPECT_THAT(neighbours(h2(), observer.address()), HasSubstr("02:00:00:00:00:99 STALE"));
  EXPECT_EQ(neighbours(h1(), observer.address()), "");
  for (const LinkedHost* host : {&h1(), &h2(), &h3()}) {
    EXPECT_EQ(neighbours(*host, "0.0.0.0"), "");
    EXPECT_THAT(output_of(*host, {"ip", "neigh"}), Not(HasSubstr("6:00:c6:12:00:04")));
  }
}

}  // namespace
}  // namespace nospof::test
