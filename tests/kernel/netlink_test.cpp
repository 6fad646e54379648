// Links, addresses and routes in namespaces of the test's own.

#include "system/netlink.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/lab_guard.hpp"
#include "system/namespaces.hpp"
#include "system/nftables.hpp"

namespace nospof {

namespace {

class NetlinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: makes network namespaces";
    space_ = create_network_namespace();
    other_ = create_network_namespace();
    net_ = std::make_unique<Netlink>(Netlink::in(space_.get()));
  }

  LinkInfo link(Netlink& net, const std::string& name) {
    for (const LinkInfo& info : net.links())
      if (info.name == name) return info;
    ADD_FAILURE() << "no link " << name;
    return {};
  }

  UniqueFd space_;
  UniqueFd other_;
  std::unique_ptr<Netlink> net_;
};

std::string bridge_setting(int space, const std::string& file) {
  std::string text;
  // sysfs of this mount namespace shows the machine's devices: only the kernel's own view will do.
  in_namespaces({{space, CLONE_NEWNET}}, [&] {
    SpawnOptions options;
    options.argv = {"ip", "-d", "link", "show", "br0"};
    text = run_command(options, std::chrono::seconds(10)).output;
  });
  const std::size_t at = text.find(file + " ");
  return at == std::string::npos
             ? ""
             : text.substr(at + file.size() + 1,
                           text.find(' ', at + file.size() + 1) - at - file.size() - 1);
}

}  // namespace

TEST_F(NetlinkTest, ABridgeForwardsAtOnce) {
  net_->add_bridge("br0");
  const LinkInfo bridge = link(*net_, "br0");
  EXPECT_EQ(bridge.kind, "bridge");
  EXPECT_TRUE(bridge.up);
  EXPECT_EQ(bridge_setting(space_.get(), "forward_delay"), "0");
  EXPECT_EQ(bridge_setting(space_.get(), "stp_state"), "0");
  EXPECT_EQ(bridge_setting(space_.get(), "mcast_snooping"), "0");
  EXPECT_THROW(net_->add_bridge("br0"), Error);
}

TEST_F(NetlinkTest, AVethPairReachesIntoTheOtherNamespace) {
  net_->add_bridge("br0");
  net_->add_veth({"port", "br0", "eth0", "02:00:c6:12:00:15", other_.get()});
  const LinkInfo port = link(*net_, "port");
  EXPECT_TRUE(port.up);
  EXPECT_EQ(port.kind, "veth");
  EXPECT_EQ(port.master, link(*net_, "br0").index);

  Netlink inside = Netlink::in(other_.get());
  const LinkInfo eth0 = link(inside, "eth0");
  EXPECT_EQ(eth0.mac, "02:00:c6:12:00:15");
  EXPECT_FALSE(eth0.up);
  inside.add_address("eth0", "198.18.0.21/24");
  inside.set_up("eth0", true);
  EXPECT_TRUE(link(inside, "eth0").up);
  const std::vector<AddressInfo> addresses = inside.addresses();
  EXPECT_NE(std::find(addresses.begin(), addresses.end(), AddressInfo{"eth0", "198.18.0.21/24"}),
            addresses.end());
  bool routed = false;
  for (const RouteInfo& route : inside.routes())
    routed = routed || (route.destination == "198.18.0.0/24" && route.link == "eth0");
  EXPECT_TRUE(routed);

  EXPECT_TRUE(net_->delete_link("port"));
  EXPECT_FALSE(inside.has_link("eth0"));
  EXPECT_FALSE(net_->delete_link("port")) << "it is gone already";
}

TEST_F(NetlinkTest, ActsInItsOwnNamespaceOnly) {
  Netlink machine;
  const std::vector<LinkInfo> before = machine.links();
  net_->add_bridge("br0");
  EXPECT_TRUE(net_->has_link("br0"));
  EXPECT_FALSE(Netlink::in(other_.get()).has_link("br0"));
  EXPECT_EQ(machine.links(), before);
}

TEST_F(NetlinkTest, ErrorsNameTheDevice) {
  for (const char* bad : {"", "a-name-that-is-too-long"})
    EXPECT_THROW(net_->add_bridge(bad), Error) << bad;
  try {
    net_->set_up("missing", true);
    FAIL() << "there is no such link";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("missing"), std::string::npos) << e.what();
  }
  EXPECT_THROW(net_->add_address("lo", "no address"), Error);
  EXPECT_THROW(net_->add_veth({"a", "nobridge", "b", "", -1}), Error);
}

TEST_F(NetlinkTest, LabAddressesAreDialledFromInsideALabOnly) {
  EXPECT_THROW(require_reachable("198.18.0.21"), Error);
  EXPECT_THROW(require_reachable("198.19.255.255"), Error);
  EXPECT_THROW(require_reachable("::ffff:198.18.0.21"), Error);
  EXPECT_THROW(require_reachable("web1"), Error) << "a name could hide any address";
  EXPECT_NO_THROW(require_reachable("127.0.0.1"));
  EXPECT_NO_THROW(require_reachable("198.17.255.255"));
  EXPECT_NO_THROW(require_reachable("198.20.0.0"));

  const auto allowed = [this] {
    bool is_allowed = false;
    in_namespaces({{space_.get(), CLONE_NEWNET}}, [&is_allowed] {
      try {
        require_reachable("198.18.0.21");
        is_allowed = true;
      } catch (const Error&) {
      }
    });
    return is_allowed;
  };
  EXPECT_FALSE(allowed()) << "an empty namespace is no lab";
  net_->add_veth({"port", "", "eth0", "", -1});
  net_->add_address("eth0", "198.18.0.22/24");
  EXPECT_TRUE(allowed());
  EXPECT_THROW(require_reachable("198.18.0.21"), Error) << "this thread has not moved";
}

}  // namespace nospof
