// The generated rulesets in real namespaces: what a flow allows passes, everything else is dropped.

#include "lab/firewall.hpp"

#include <map>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/namespaces.hpp"
#include "system/netlink.hpp"
#include "system/nftables.hpp"
#include "tests/support/sample_topology.hpp"

namespace nospof::lab {
namespace {

using namespace std::chrono_literals;
using spec::Protocol;

constexpr int vrrp_protocol = 112;
/// Only a broken test gets to it.
constexpr auto patience = 20s;
/// How long nothing must arrive before it counts as dropped. All sorts of packets are under way at
/// once, and what is allowed has arrived by then.
constexpr auto silence = 300ms;

sockaddr_in socket_address(const std::string& address, int port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(static_cast<in_port_t>(port));
  ::inet_pton(AF_INET, address.c_str(), &result.sin_addr);
  return result;
}

bool is_readable(int fd, std::chrono::milliseconds at_most) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, static_cast<int>(at_most.count())) == 1;
}

// The hosts of the sample topology on a switch of their own.
class FirewallLab : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: makes network namespaces";
    switch_ = create_network_namespace();
    Netlink net = Netlink::in(switch_.get());
    net.add_bridge("br0");
    net.set_up("br0", true);
    for (const auto& host : topology_.hosts) {
      UniqueFd& ns = namespaces_[host.name];
      ns = create_network_namespace();
      net.add_veth({host.name, "br0", "eth0", "", ns.get()});
      Netlink inside = Netlink::in(ns.get());
      inside.set_up("lo", true);
      inside.add_address("eth0", host.address + "/24");
      inside.set_up("eth0", true);
    }
    Netlink::in(namespaces_["lb1"].get()).add_address("eth0", "198.18.0.10/24");
  }

  NftContext nft(const std::string& host) {
    std::optional<NftContext> context;
    in_host(host, [&] { context.emplace(); });
    return std::move(*context);
  }
  void load(const std::string& host) { nft(host).run(firewall_ruleset(topology_, host)); }

  void in_host(const std::string& host, const std::function<void()>& work) {
    in_namespaces({{namespaces_.at(host).get(), CLONE_NEWNET}}, work);
  }
  UniqueFd make_socket(const std::string& host, int type, int protocol) {
    UniqueFd fd;
    in_host(host, [&] {
      fd = UniqueFd(check("socket on " + host, ::socket(AF_INET, type | SOCK_CLOEXEC, protocol)));
    });
    return fd;
  }
  UniqueFd listen(const std::string& host, int port) {
    UniqueFd fd = make_socket(host, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const sockaddr_in any = socket_address("0.0.0.0", port);
    check("bind", ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any));
    check("listen", ::listen(fd.get(), 50));
    return fd;
  }
  std::string address_of(const std::string& target) {
    if (const auto* vip = topology_.find_vip(target)) return vip->address;
    return topology_.find_host(target)->address;
  }

  spec::Topology topology_ = test::sample_topology();
  UniqueFd switch_;
  std::map<std::string, UniqueFd> namespaces_;
};

struct Attempt {
  std::string from;
  std::string to;
  int port;
  bool allowed;
  UniqueFd fd;
  bool finished = false;
  int error = EINPROGRESS;
  std::string text() const { return fmt::format("{} -> {}:{}", from, to, port); }
};

class FirewallConnects : public FirewallLab {
 protected:
  void begin(const std::string& from, const std::string& to, int port) {
    Attempt attempt{from, to, port, is_flow_allowed(topology_, from, to, Protocol::tcp, port),
                    make_socket(from, SOCK_STREAM | SOCK_NONBLOCK, 0)};
    const sockaddr_in target = socket_address(address_of(to), port);
    if (::connect(attempt.fd.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target) == 0)
      attempt.error = 0;
    else
      attempt.error = errno;
    attempt.finished = attempt.error != EINPROGRESS;
    attempts_.push_back(std::move(attempt));
  }

  // True when all allowed ones have ended.
  bool collect() {
    bool complete = true;
    for (auto& attempt : attempts_) {
      pollfd entry{attempt.fd.get(), POLLOUT, 0};
      if (!attempt.finished && ::poll(&entry, 1, 0) == 1) {
        socklen_t size = sizeof attempt.error;
        check("getsockopt",
              ::getsockopt(attempt.fd.get(), SOL_SOCKET, SO_ERROR, &attempt.error, &size));
        attempt.finished = true;
      }
      complete = complete && (attempt.finished || !attempt.allowed);
    }
    return complete;
  }

  // Everybody to everybody, on ports that all listen on.
  void try_everything() {
    const int ports[] = {22, 443, 8443, 9100};
    std::vector<UniqueFd> listeners;
    for (const auto& host : topology_.hosts)
      for (const int port : ports) listeners.push_back(listen(host.name, port));
    std::vector<std::string> targets{"www"};
    for (const auto& host : topology_.hosts) targets.push_back(host.name);
    for (const auto& host : topology_.hosts)
      for (const auto& target : targets)
        // The owner of the VIP reaches it over lo, whatever the flows say.
        if (!(host.name == "lb1" && target == "www"))
          for (const int port : ports) begin(host.name, target, port);
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!collect() && std::chrono::steady_clock::now() < end) ::usleep(5000);
    ::poll(nullptr, 0, static_cast<int>(silence.count()));
    collect();
    int allowed = 0;
    for (const auto& attempt : attempts_) {
      if (attempt.allowed) {
        ++allowed;
        EXPECT_TRUE(attempt.finished && attempt.error == 0)
            << attempt.text() << ": " << ::strerror(attempt.error);
      } else {
        EXPECT_EQ(attempt.error, EINPROGRESS) << attempt.text() << " must be dropped in silence";
      }
    }
    EXPECT_GE(allowed, 4 * 4 + 7) << "too few are allowed to mean anything";
    attempts_.clear();
  }

  std::vector<Attempt> attempts_;
};

TEST_F(FirewallConnects, exactly_the_flows_pass) {
  for (const auto& host : topology_.hosts) load(host.name);
  try_everything();
}

TEST_F(FirewallConnects, the_receivers_alone_see_to_it) {
  for (const auto& host : topology_.hosts) {
    load(host.name);
    nft(host.name).run(
        "flush chain inet nospof_host output\n"
        "add rule inet nospof_host output accept");
  }
  try_everything();
}

TEST_F(FirewallConnects, the_senders_alone_see_to_it) {
  // An observer's output is free.
  for (auto& host : topology_.hosts) host.observer = false;
  for (const auto& host : topology_.hosts) {
    load(host.name);
    nft(host.name).run(
        "flush chain inet nospof_host input\n"
        "add rule inet nospof_host input accept");
  }
  try_everything();
}

TEST_F(FirewallConnects, a_connection_carries_data_both_ways) {
  for (const auto& host : topology_.hosts) load(host.name);
  const UniqueFd listener = listen("lb1", 443);
  begin("client", "www", 443);
  ASSERT_TRUE(is_readable(listener.get(), patience));
  const UniqueFd accepted(
      check("accept", ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  char byte = 0;
  check("send", ::send(accepted.get(), "x", 1, 0));
  ASSERT_TRUE(is_readable(attempts_[0].fd.get(), patience));
  check("receive", ::recv(attempts_[0].fd.get(), &byte, 1, 0));
  check("send", ::send(attempts_[0].fd.get(), "y", 1, 0));
  ASSERT_TRUE(is_readable(accepted.get(), patience));
  check("receive", ::recv(accepted.get(), &byte, 1, 0));
  EXPECT_EQ(byte, 'y');
}

TEST_F(FirewallLab, loading_again_keeps_one_table_and_others_untouched) {
  for (const auto& host : topology_.hosts) {
    NftContext context = nft(host.name);
    context.run("table inet other { chain c { type filter hook input priority -300; }; }");
    context.run(firewall_ruleset(topology_, host.name));
    const std::string once = context.list_text("ruleset");
    context.run(firewall_ruleset(topology_, host.name));
    EXPECT_EQ(context.list_text("ruleset"), once);
    EXPECT_TRUE(context.has_table({"inet", firewall_table}));
    EXPECT_TRUE(context.has_table({"inet", "other"}));
  }
}

// One echo request with its checksum.
icmphdr echo_request(std::uint16_t id) {
  icmphdr request{};
  request.type = ICMP_ECHO;
  request.un.echo.id = htons(id);
  const unsigned sum = htons(ICMP_ECHO << 8U) + static_cast<unsigned>(request.un.echo.id);
  request.checksum = static_cast<std::uint16_t>(~((sum & 0xffffU) + (sum >> 16U)));
  return request;
}

TEST_F(FirewallLab, echo_is_answered_where_an_icmp_flow_allows_it) {
  for (const auto& host : topology_.hosts) load(host.name);
  const UniqueFd allowed = make_socket("client", SOCK_RAW, IPPROTO_ICMP);
  const UniqueFd forbidden = make_socket("lb1", SOCK_RAW, IPPROTO_ICMP);
  const sockaddr_in web = socket_address("198.18.0.21", 0);
  const icmphdr request = echo_request(77);
  // The firewall refuses it already where it is sent.
  EXPECT_EQ(::sendto(forbidden.get(), &request, sizeof request, 0,
                     reinterpret_cast<const sockaddr*>(&web), sizeof web),
            -1);
  EXPECT_EQ(errno, EPERM);
  check("send echo", ::sendto(allowed.get(), &request, sizeof request, 0,
                              reinterpret_cast<const sockaddr*>(&web), sizeof web));
  ASSERT_TRUE(is_readable(allowed.get(), patience));
  char reply[200];
  ASSERT_GE(::recv(allowed.get(), reply, sizeof reply, 0), 28);
  icmphdr header{};
  std::memcpy(&header, reply + sizeof(iphdr), sizeof header);
  EXPECT_EQ(header.type, ICMP_ECHOREPLY);
}

TEST_F(FirewallLab, vrrp_passes_between_the_balancers_only) {
  for (const auto& host : topology_.hosts) load(host.name);
  nft("client").run(
      "flush chain inet nospof_host output\n"
      "add rule inet nospof_host output accept");
  const UniqueFd receiver = make_socket("lb2", SOCK_RAW, vrrp_protocol);
  const UniqueFd peer = make_socket("lb1", SOCK_RAW, vrrp_protocol);
  const UniqueFd stranger = make_socket("client", SOCK_RAW, vrrp_protocol);
  const sockaddr_in lb2 = socket_address("198.18.0.12", 0);
  const auto send = [&](int fd, const char* text) {
    return ::sendto(fd, text, 4, 0, reinterpret_cast<const sockaddr*>(&lb2), sizeof lb2);
  };
  check("send", send(stranger.get(), "evil"));
  check("send", send(peer.get(), "good"));
  ASSERT_TRUE(is_readable(receiver.get(), patience));
  char packet[200];
  ASSERT_EQ(::recv(receiver.get(), packet, sizeof packet, 0), 24);
  EXPECT_EQ(std::string(packet + sizeof(iphdr), 4), "good");
  EXPECT_FALSE(is_readable(receiver.get(), silence)) << "the stranger's came through";
}

TEST_F(FirewallLab, ipv6_passes_on_lo_only) {
  if (::access("/proc/net/if_inet6", F_OK) != 0) GTEST_SKIP() << "this kernel has no IPv6";
  load("client");
  in_host("client", [] {
    const UniqueFd fd(check("socket", ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
    sockaddr_in6 target{};
    target.sin6_family = AF_INET6;
    target.sin6_port = htons(9);
    target.sin6_addr = in6addr_loopback;
    EXPECT_EQ(
        ::sendto(fd.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&target), sizeof target),
        1);
  });
  NftContext context = nft("client");
  // Neighbour and router discovery alone make IPv6 packets on a link that is up.
  const auto end = std::chrono::steady_clock::now() + patience;
  std::uint64_t dropped = 0;
  while (dropped == 0 && std::chrono::steady_clock::now() < end) {
    for (const auto& counter : context.counters({"inet", firewall_table}))
      if (counter.chain == "output" && counter.packets > 0) dropped = counter.packets;
    ::usleep(20000);
  }
  EXPECT_GT(dropped, 0U);
}

}  // namespace
}  // namespace nospof::lab
