// The rules of a partition are written as messages: the kernel must make of them what it makes of
// nft's text.

#include "faults/cut_rules.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include "system/namespaces.hpp"
#include "system/netlink.hpp"
#include "system/nftables.hpp"

namespace nospof::faults {
namespace {

const std::vector<NetworkDevice> devices{{"eth0", 2}, {"eth1", 3}};
const Cut everything{.in = true, .out = true, .everybody = true, .peers = {}};

class CutRules : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: makes network namespaces";
  }

  /// What nft(8) prints of the table that `add` makes on a host with two devices.
  template <typename Add>
  static std::string listing(Add add) {
    const UniqueFd host = create_network_namespace();
    Netlink::in(host.get())
        .add_veth({.name = "eth0",
                   .master = "",
                   .peer_name = "eth1",
                   .peer_mac = "",
                   .peer_namespace_fd = -1});
    std::string text;
    in_namespaces({{host.get(), CLONE_NEWNET}}, [&] {
      const auto owner = add();
      text = NftContext().list_elements("table netdev nospof_x");
    });
    return text;
  }

  static std::string written(const Cut& cut) {
    return listing([&cut] {
      NetfilterSocket owner;
      owner.transaction("add the rules", cut_rules(cut, "nospof_x", devices));
      return owner;
    });
  }

  /// The same from text: the rules of both devices in each direction; none: no chain.
  static std::string read(const std::string& in, const std::string& out) {
    std::string text = "table netdev nospof_x {\nflags owner\n";
    for (const auto& [name, hook, rules] :
         {std::tuple{"in", "ingress", in}, std::tuple{"out", "egress", out}})
      for (const NetworkDevice& device : devices)
        if (!rules.empty())
          text += fmt::format(
              "chain {}_{} {{\ntype filter hook {} device \"{}\" priority -2147483648; policy "
              "accept;\n{}}}\n",
              name, device.index, hook, device.name, rules);
    return listing([&text] {
      NftContext owner;
      owner.run(text + "}\n");
      return owner;
    });
  }
};

TEST_F(CutRules, IsolationDropsEverythingOnEveryDevice) {
  EXPECT_EQ(written(everything), read("counter drop\n", "counter drop\n"));
}

TEST_F(CutRules, OneWayHasOneHook) {
  Cut cut = everything;
  cut.out = false;
  EXPECT_EQ(written(cut), read("counter drop\n", ""));
  cut.out = true;
  cut.in = false;
  EXPECT_EQ(written(cut), read("", "counter drop\n"));
}

TEST_F(CutRules, PeersAreKnownByAddressArpAndHardwareAddress) {
  Cut cut{.in = true,
          .out = true,
          .everybody = false,
          .peers = {{"198.18.0.1", "02:00:00:00:00:0a"}, {"198.18.0.2", ""}}};
  const auto rules = [](const char* end) {
    return fmt::format(
        "ip {0} {{ 198.18.0.1, 198.18.0.2 }} counter drop\n"
        "ether {0} 02:00:00:00:00:0a counter drop\n"
        "arp {0} ip {{ 198.18.0.1, 198.18.0.2 }} counter drop\n",
        end);
  };
  EXPECT_EQ(written(cut), read(rules("saddr"), rules("daddr")));
  cut.peers[1].mac = "fe:dc:ba:98:76:54";
  cut.out = false;
  EXPECT_EQ(written(cut), read("ip saddr { 198.18.0.1, 198.18.0.2 } counter drop\n"
                               "ether saddr { 02:00:00:00:00:0a, fe:dc:ba:98:76:54 } counter drop\n"
                               "arp saddr ip { 198.18.0.1, 198.18.0.2 } counter drop\n",
                               ""));
  cut.peers = {{"198.18.0.2", ""}};
  EXPECT_EQ(written(cut),
            read("ip saddr 198.18.0.2 counter drop\narp saddr ip 198.18.0.2 counter drop\n", ""));
}

TEST_F(CutRules, NarrowedToPortsTheyTellEitherEnd) {
  Cut cut{.in = true,
          .out = false,
          .everybody = false,
          .peers = {{"198.18.0.1", "02:00:00:00:00:01"}},
          .protocol = "any",
          .ports = {{8000, 8010}, {443, 443}, {65000, 65535}}};
  std::string rules;
  for (const char* who : {"ip saddr 198.18.0.1", "ether saddr 02:00:00:00:00:01"})
    for (const char* end : {"sport", "dport"})
      rules += fmt::format(
          "{} meta l4proto {{ tcp, udp }} th {} {{ 443, 8000-8010, 65000-65535 }} counter drop\n",
          who, end);
  EXPECT_EQ(written(cut), read(rules, ""));
  cut.protocol = "tcp";
  cut.ports = {{443, 443}};
  cut.peers[0].mac.clear();
  EXPECT_EQ(written(cut), read("ip saddr 198.18.0.1 tcp sport 443 counter drop\n"
                               "ip saddr 198.18.0.1 tcp dport 443 counter drop\n",
                               ""));
  // Two that follow each other are one.
  cut.ports = {{444, 450}, {443, 443}, {1, 2}};
  EXPECT_EQ(written(cut), read("ip saddr 198.18.0.1 tcp sport { 1-2, 443-450 } counter drop\n"
                               "ip saddr 198.18.0.1 tcp dport { 1-2, 443-450 } counter drop\n",
                               ""));
}

TEST_F(CutRules, NarrowedToAProtocolOfEverybody) {
  Cut cut = everything;
  cut.protocol = "icmp";
  const std::string icmp =
      "meta protocol { ip, ip6 } meta l4proto { icmp, ipv6-icmp } counter drop\n";
  EXPECT_EQ(written(cut), read(icmp, icmp));
  cut.protocol = "udp";
  const std::string udp = "meta protocol { ip, ip6 } meta l4proto udp counter drop\n";
  EXPECT_EQ(written(cut), read(udp, udp));
}

TEST_F(CutRules, ManyPeersFitIntoOneSet) {
  Cut cut{.in = true, .out = false, .everybody = false, .peers = {}, .protocol = "tcp"};
  std::string addresses;
  for (int i = 0; i < 2500; ++i) {
    cut.peers.push_back({fmt::format("198.18.{}.{}", i / 250, 1 + i % 250), ""});
    addresses += cut.peers.back().address + ", ";
  }
  EXPECT_EQ(written(cut),
            read(fmt::format("ip saddr {{ {} }} meta l4proto tcp counter drop\n", addresses), ""));
}

// More than a socket takes by itself at once.
TEST_F(CutRules, ManyPeersWithHardwareAddressesBothWays) {
  Cut cut{.in = true, .out = true, .everybody = false, .peers = {}};
  for (int i = 0; i < 2500; ++i)
    cut.peers.push_back({fmt::format("198.18.{}.{}", i / 250, 1 + i % 250),
                         fmt::format("02:00:00:00:{:02x}:{:02x}", i / 256, i % 256)});
  EXPECT_GT(cut_rules(cut, "nospof_x", devices).bytes().size(), 400U * 1024);
  const std::string text = written(cut);
  std::size_t chains = 0;
  for (std::size_t at = 0; (at = text.find("02:00:00:00:09:c3", at)) != std::string::npos; ++at)
    ++chains;
  EXPECT_EQ(chains, 4U) << "the last peer, on both devices both ways";
}

}  // namespace
}  // namespace nospof::faults
