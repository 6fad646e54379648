#pragma once
// A host that makes it hard for a fault: its firewall accepts everything early and established
// connections once more, its device has a root qdisc of its own with classes and filters, and
// connections are open. A fault has to bite all the same, and to leave all of that as it was.

#include "fault_support.hpp"
#include "host_state.hpp"
#include "system/nftables.hpp"

namespace nospof::test {

/// Rules that let everything pass as early as rules usually do.
inline constexpr const char* early_accept = R"(
table netdev early {
  chain in { type filter hook ingress device "eth0" priority -500; policy accept; counter accept; }
  chain out { type filter hook egress device "eth0" priority -500; policy accept; counter accept; }
}
table inet host {
  comment "the host's own"
  set known { type ipv4_addr; flags dynamic, timeout; timeout 1h; }
  set given { type inet_service; elements = { 22, 443, 7000, 7001 }; }
  chain raw { type filter hook prerouting priority -500; policy accept; counter accept; }
  chain early_in { type filter hook input priority -500; policy accept; counter accept; }
  chain early_out { type filter hook output priority -500; policy accept; counter accept; }
  chain in {
    type filter hook input priority 0; policy drop
    iif "lo" accept
    ct state established,related counter accept
    add @known { ip saddr }
    tcp dport @given accept comment "known services"
    meta l4proto { icmp, udp } accept
    tcp dport 1024-65535 accept
  }
}
)";

class HostileHost {
 public:
  explicit HostileHost(const LinkedHost& host) : namespaces_{{host.namespace_fd(), CLONE_NEWNET}} {
    host.in([] { NftContext().run(early_accept); });
    const auto tc = [this](std::vector<std::string> argv) {
      argv.insert(argv.begin(), "tc");
      tool_output(namespaces_, std::move(argv));
    };
    tc({"qdisc", "add", "dev", "eth0", "root", "handle", "1:", "htb", "default", "20"});
    tc({"class", "add", "dev", "eth0", "parent", "1:", "classid", "1:1", "htb", "rate", "1gbit"});
    tc({"class", "add", "dev", "eth0", "parent", "1:1", "classid", "1:10", "htb", "rate", "500mbit",
        "ceil", "1gbit", "prio", "0"});
    tc({"class", "add", "dev", "eth0", "parent", "1:1", "classid", "1:20", "htb", "rate", "100mbit",
        "ceil", "1gbit", "prio", "1"});
    tc({"qdisc", "add", "dev", "eth0", "parent", "1:10", "handle", "10:", "pfifo", "limit", "500"});
    tc({"filter", "add", "dev", "eth0", "parent", "1:", "protocol", "ip", "prio", "5", "u32",
        "match", "ip", "dport", "443", "0xffff", "flowid", "1:10"});
    // The kernel still looks whether somebody else has the device's IPv6 address.
    const auto end = std::chrono::steady_clock::now() + arrival;
    do {
      before_ = state();
    } while (is_settling() && std::chrono::steady_clock::now() < end);
  }

  HostState state() const { return detailed_network_state(namespaces_, "eth0"); }
  /// What of the host's own is not as it was; empty: nothing.
  std::string damage() const { return differences(before_, state()); }

 private:
  bool is_settling() const {
    const std::string& addresses = before_.at("links, addresses, routes");
    return addresses.find("tentative") != std::string::npos ||
           addresses.find("fe80:") == std::string::npos;
  }

  std::vector<NamespaceFd> namespaces_;
  HostState before_;
};

}  // namespace nospof::test
