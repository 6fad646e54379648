// Where a qdisc of ours may go, and which packets are led to it.

#include "faults/shaping.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>

#include "fake_host.hpp"
#include "faults/shaping_snapshot.hpp"

namespace nospof::faults {
namespace {

using test::error_of;
using ::testing::HasSubstr;
using Direction = NetemScope::Direction;
using Protocol = NetemScope::Protocol;
using Way = Attachment::Way;

DeviceState device(int index, const std::string& name, const std::string& kind = "veth") {
  DeviceState state;
  state.link = {index, name, kind, "02:00:00:00:00:01", 0, true};
  QdiscInfo root;
  root.device = index;
  root.kind = "noqueue";
  root.parent = tc_root;
  state.qdiscs = {root};
  return state;
}

DeviceState with_tree(DeviceState state) {
  state.qdiscs[0].kind = "htb";
  state.qdiscs[0].handle = 0x10000U;
  return state;
}

DeviceState with_hooks(DeviceState state, const std::string& kind) {
  QdiscInfo hooks;
  hooks.kind = kind;
  hooks.handle = 0xFFFF0000U;
  hooks.parent = tc_clsact;
  state.qdiscs.push_back(hooks);
  return state;
}

FilterInfo filter(std::uint32_t class_id, std::uint16_t priority) {
  return {"u32", tc_egress, priority, ETH_P_ALL, 0x80000800U, class_id};
}

NetemScope scope(Direction direction) {
  NetemScope scope;
  scope.direction = direction;
  return scope;
}

std::vector<Attachment> planned(const NetemScope& scope, const std::vector<DeviceState>& devices) {
  return plan_attachments("netem", scope, devices, 0x12345678U);
}

TEST(Shaping, AllOutgoingTrafficOfADefaultRootGoesThroughOurRoot) {
  const auto places = planned(scope(Direction::egress), {device(2, "eth0"), device(3, "eth1", "")});
  ASSERT_EQ(places.size(), 2U);
  EXPECT_EQ(places[0].way, Way::root);
  EXPECT_EQ(places[0].device, "eth0");
  EXPECT_EQ(places[0].index, 2);
  EXPECT_EQ(places[1].index, 3);
  for (const Attachment& at : places) {
    EXPECT_GE(at.handle, 0x40000000U);
    EXPECT_LT(at.handle, 0x80000000U) << "the kernel gives these out itself";
    EXPECT_EQ(at.handle & 0xFFFFU, 0U);
  }
  EXPECT_NE(places[0].handle, places[1].handle);
}

TEST(Shaping, AForeignRootIsLeftAloneAndPassedBeforehand) {
  const auto places = planned(scope(Direction::egress), {with_tree(device(2, "eth0"))});
  ASSERT_EQ(places.size(), 1U);
  EXPECT_EQ(places[0].way, Way::egress);
  EXPECT_TRUE(places[0].own_clsact);
  EXPECT_EQ(places[0].ifb, "nospof12345678");
  EXPECT_EQ(places[0].mark & 0xFFFFU, 0x5678U);
}

TEST(Shaping, NarrowedOrIncomingTrafficGoesThroughIfbDevices) {
  NetemScope narrowed = scope(Direction::both);
  narrowed.ports = {443};
  const auto places = planned(narrowed, {device(2, "eth0")});
  ASSERT_EQ(places.size(), 2U);
  EXPECT_EQ(places[0].way, Way::egress);
  EXPECT_EQ(places[1].way, Way::ingress);
  EXPECT_NE(places[0].ifb, places[1].ifb);
  EXPECT_NE(places[0].mark, places[1].mark);
  const auto both = planned(scope(Direction::both), {device(2, "eth0")});
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].way, Way::root);
  EXPECT_EQ(both[1].way, Way::ingress);
}

TEST(Shaping, SomebodyElsesClsactIsUsedAndNotOurs) {
  const auto found = planned(scope(Direction::ingress), {with_hooks(device(2, "eth0"), "clsact")});
  EXPECT_FALSE(found.at(0).own_clsact);
  const auto older = planned(scope(Direction::ingress), {with_hooks(device(2, "eth0"), "ingress")});
  EXPECT_FALSE(older.at(0).own_clsact);
  EXPECT_THAT(error_of([] {
                planned(scope(Direction::egress),
                        {with_hooks(with_tree(device(2, "eth0")), "ingress")});
              }),
              HasSubstr("qdisc 'ingress' where clsact is needed"));
}

TEST(Shaping, AnotherFaultsClsactIsSharedAndTakenBackByTheLastOne) {
  const auto first = planned(scope(Direction::ingress), {device(2, "eth0")}).at(0);
  DeviceState after = with_hooks(with_tree(device(2, "eth0")), "clsact");
  after.ingress = {filter(first.mark, first.priority)};
  EXPECT_TRUE(planned(scope(Direction::egress), {after}).at(0).own_clsact);

  DeviceState found = with_hooks(with_tree(device(2, "eth0")), "clsact");
  const auto beside = planned(scope(Direction::ingress), {found}).at(0);
  found.ingress = {filter(beside.mark, beside.priority)};
  EXPECT_FALSE(planned(scope(Direction::egress), {found}).at(0).own_clsact);
}

TEST(Shaping, OtherFiltersAtTheSameHookAreRefusedByName) {
  DeviceState foreign = with_hooks(with_tree(device(2, "eth0")), "clsact");
  foreign.egress = {filter(0, 49152)};
  EXPECT_THAT(error_of([&] { planned(scope(Direction::egress), {foreign}); }),
              HasSubstr("eth0 has filters of its own at its egress hook"));
  EXPECT_EQ(planned(scope(Direction::ingress), {foreign}).size(), 1U);

  const auto first = planned(scope(Direction::ingress), {device(2, "eth0")}).at(0);
  DeviceState ours = with_hooks(device(2, "eth0"), "clsact");
  ours.ingress = {filter(first.mark, first.priority)};
  EXPECT_THAT(error_of([&] { planned(scope(Direction::ingress), {ours}); }),
              HasSubstr("another fault of nospof is in force"));
}

TEST(Shaping, OnlyDevicesThatCarryTheHostsOwnTrafficCount) {
  LinkInfo link{2, "eth0", "", "", 0, true};
  EXPECT_TRUE(carries_host_traffic(link));
  link.master = 5;
  EXPECT_TRUE(carries_host_traffic(link)) << "a port of a bridge or bond";
  link.kind = "veth";
  EXPECT_FALSE(carries_host_traffic(link)) << "a container's end on a bridge";
  link.master = 0;
  EXPECT_TRUE(carries_host_traffic(link));
  for (const char* kind : {"bridge", "bond", "vlan", "ifb", "vxlan", "wireguard", "dummy"}) {
    link.kind = kind;
    EXPECT_FALSE(carries_host_traffic(link)) << kind;
  }
  link = {2, "eth0", "", "", 0, false};
  EXPECT_FALSE(carries_host_traffic(link)) << "down";
  EXPECT_FALSE(carries_host_traffic({1, "lo", "", "", 0, true}));
  EXPECT_THAT(error_of([] { planned(scope(Direction::both), {}); }),
              HasSubstr("no network device that is up"));
}

TEST(ShapingFilters, AnythingIsOneComparisonThatIsAlwaysTrue) {
  const auto filters = scope_filters("netem", {}, true);
  ASSERT_EQ(filters.size(), 1U);
  ASSERT_EQ(filters[0].size(), 1U);
  EXPECT_EQ(filters[0][0], (PacketBits{0, 0, 0}));
  EXPECT_FALSE(is_narrowed({}));
}

TEST(ShapingFilters, PeersAreTheOtherEndInEitherDirection) {
  NetemScope narrowed;
  narrowed.peers = {"198.18.0.21", "198.18.0.22"};
  EXPECT_TRUE(is_narrowed(narrowed));
  const auto out = scope_filters("netem", narrowed, true);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0], (std::vector<PacketBits>{{0xC6120015U, 0xFFFFFFFFU, 16}}));
  EXPECT_EQ(out[1], (std::vector<PacketBits>{{0xC6120016U, 0xFFFFFFFFU, 16}}));
  const auto in = scope_filters("netem", narrowed, false);
  EXPECT_EQ(in[0], (std::vector<PacketBits>{{0xC6120015U, 0xFFFFFFFFU, 12}}));
}

TEST(ShapingFilters, PortsAreThoseOfEitherEndAndOfBothProtocols) {
  NetemScope narrowed;
  narrowed.ports = {443};
  const auto filters = scope_filters("netem", narrowed, true);
  ASSERT_EQ(filters.size(), 4U);
  const PacketBits tcp{0x00060000U, 0x00FF0000U, 8};
  const PacketBits udp{0x00110000U, 0x00FF0000U, 8};
  const PacketBits plain{0x45000000U, 0xFF000000U, 0};
  const PacketBits unfragmented{0, 0x00001FFFU, 4};
  const PacketBits source{443U << 16U, 0xFFFF0000U, 20};
  const PacketBits destination{443U, 0x0000FFFFU, 20};
  EXPECT_EQ(filters[0], (std::vector<PacketBits>{tcp, plain, unfragmented, source}));
  EXPECT_EQ(filters[1], (std::vector<PacketBits>{tcp, plain, unfragmented, destination}));
  EXPECT_EQ(filters[2], (std::vector<PacketBits>{udp, plain, unfragmented, source}));
  EXPECT_EQ(filters[3], (std::vector<PacketBits>{udp, plain, unfragmented, destination}));

  narrowed.protocol = Protocol::tcp;
  EXPECT_EQ(scope_filters("netem", narrowed, true).size(), 2U);
  narrowed.peers = {"198.18.0.21", "198.18.0.22", "198.18.0.41"};
  EXPECT_EQ(scope_filters("netem", narrowed, true).size(), 6U);
  narrowed.ports.assign(200, 80);
  EXPECT_THAT(error_of([&] { scope_filters("netem", narrowed, true); }),
              HasSubstr("1200 filters would be needed"));
}

TEST(ShapingFilters, Icmp) {
  NetemScope narrowed;
  narrowed.protocol = Protocol::icmp;
  EXPECT_EQ(scope_filters("netem", narrowed, true).at(0),
            (std::vector<PacketBits>{{0x00010000U, 0x00FF0000U, 8}}));
}

TEST(ShapingSnapshot, FaultsOfThisProgramDontDisturbEachOther) {
  const auto at = [](const DeviceState& device) { return traffic_snapshot({device}); };
  const DeviceState tree = with_tree(device(2, "eth0"));
  const DeviceState hooked = with_hooks(tree, "clsact");
  EXPECT_EQ(first_difference(at(tree), at(tree)), "");
  EXPECT_THAT(first_difference(at(tree), at(hooked)), HasSubstr("eth0: new is 'qdisc clsact"));
  EXPECT_THAT(first_difference(at(hooked), at(tree)), HasSubstr("missing is 'qdisc clsact"));
  EXPECT_THAT(first_difference(at(device(2, "eth0")), at(tree)), HasSubstr("'qdisc htb"));

  DeviceState foreign = hooked;
  foreign.egress = {filter(5, 49152)};
  EXPECT_THAT(first_difference(at(hooked), at(foreign)), HasSubstr("new is 'filter u32"));

  const auto place = planned(scope(Direction::ingress), {tree}).at(0);
  DeviceState ours = hooked;
  ours.ingress = {filter(place.mark, place.priority)};
  EXPECT_EQ(first_difference(at(ours), at(tree)), "");
  EXPECT_EQ(first_difference(at(tree), at(ours)), "");

  DeviceState rooted = device(2, "eth0");
  rooted.qdiscs[0].kind = "netem";
  rooted.qdiscs[0].handle = planned(scope(Direction::egress), {device(2, "eth0")}).at(0).handle;
  EXPECT_EQ(first_difference(at(rooted), at(device(2, "eth0"))), "");
  EXPECT_TRUE(is_own_root(rooted.qdiscs[0]));
  EXPECT_FALSE(is_own_root(tree.qdiscs[0]));
  EXPECT_EQ(first_difference(at(tree), traffic_snapshot({})), "") << "a device that has gone";
}

}  // namespace
}  // namespace nospof::faults
