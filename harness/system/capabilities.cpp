#include "system/capabilities.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/tbf.h>
#include <netlink/route/tc.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/cgroup.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/namespaces.hpp"
#include "system/nftables.hpp"
#include "system/tcp_connections.hpp"

namespace nospof {

namespace {

constexpr int lo_index = 1;

using Socket = std::unique_ptr<nl_sock, decltype(&nl_socket_free)>;
using Qdisc = std::unique_ptr<rtnl_qdisc, decltype(&rtnl_qdisc_put)>;
using Link = std::unique_ptr<rtnl_link, decltype(&rtnl_link_put)>;

void need(const std::string& attempt, int result) {
  if (result < 0) throw Error(fmt::format("{}: {}", attempt, nl_geterror(result)));
}

Socket route_socket() {
  Socket socket(nl_socket_alloc(), &nl_socket_free);
  if (!socket) throw Error("no memory for a netlink socket");
  need("netlink", nl_connect(socket.get(), NETLINK_ROUTE));
  return socket;
}

// The rest of these are called inside of a network namespace that only has lo.
void try_qdisc(const char* kind) {
  const Socket socket = route_socket();
  const Qdisc qdisc(rtnl_qdisc_alloc(), &rtnl_qdisc_put);
  rtnl_tc* const tc = TC_CAST(qdisc.get());
  rtnl_tc_set_ifindex(tc, lo_index);
  rtnl_tc_set_parent(tc, TC_H_ROOT);
  rtnl_tc_set_handle(tc, TC_HANDLE(1, 0));
  need("kind of qdisc", rtnl_tc_set_kind(tc, kind));
  if (std::strcmp(kind, "tbf") == 0) {
    rtnl_qdisc_tbf_set_rate(qdisc.get(), 1'000'000, 10'000, 0);
    rtnl_qdisc_tbf_set_limit(qdisc.get(), 100'000);
  }
  need(fmt::format("add a qdisc {}", kind),
       rtnl_qdisc_add(socket.get(), qdisc.get(), NLM_F_CREATE));
}

void try_link(const char* kind) {
  const Socket socket = route_socket();
  const Link link(rtnl_link_alloc(), &rtnl_link_put);
  rtnl_link_set_name(link.get(), "nospof-try");
  need("kind of device", rtnl_link_set_type(link.get(), kind));
  need(fmt::format("add a device {}", kind), rtnl_link_add(socket.get(), link.get(), NLM_F_CREATE));
}

void try_nft(const std::string& commands) {
  NftContext().run(commands);
}

std::string first_words(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

// A line of /proc/cgroups ("name hierarchy groups enabled"), or a word of cgroup.controllers.
void find_controller(const std::string& name) {
  std::istringstream known(read_file("/proc/cgroups"));
  std::string line;
  bool in_kernel = false;
  while (std::getline(known, line)) {
    std::istringstream fields(line);
    std::string controller;
    int hierarchy = 0, groups = 0, enabled = 0;
    if (!(fields >> controller >> hierarchy >> groups >> enabled) || controller != name) continue;
    in_kernel = enabled != 0;
    if (in_kernel && hierarchy != 0) return;
  }
  const std::string v2 = " " + read_file(cgroup2_mount() + "/cgroup.controllers");
  if (v2.find(" " + name) != std::string::npos) return;
  throw Error(in_kernel ? fmt::format("the controller {} is mounted nowhere", name)
                        : fmt::format("the kernel has no controller {}", name));
}

void try_freezer() {
  // The root group has no cgroup.freeze; every other one has since Linux 5.2.
  const std::string folder = fmt::format("{}/nospof-try-{}", cgroup2_mount(), ::getpid());
  create_cgroup(folder);
  const bool has = ::access((folder + "/cgroup.freeze").c_str(), F_OK) == 0;
  remove_cgroup(folder, std::chrono::milliseconds(100));
  if (!has) throw Error("groups of cgroup2 can't be frozen here: the kernel is older than 5.2");
}

void try_packet_socket() {
  const UniqueFd fd(check("packet socket", ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)));
}

void try_tcp_diag() {
  const UniqueFd fd(check("open a TCP socket", ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  sockaddr_in nowhere_else{};
  nowhere_else.sin_family = AF_INET;
  nowhere_else.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  check("bind",
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&nowhere_else), sizeof nowhere_else));
  check("listen", ::listen(fd.get(), 1));
  const std::vector<TcpConnection> found = tcp_connections();
  if (std::ranges::find(found, TcpPhase::listening, &TcpConnection::phase) == found.end())
    throw Error("the kernel does not tell of a socket that listens");
  const EndedConnections told;
}

void try_temporary_file() {
  const UniqueFd fd = open_file("/tmp", O_TMPFILE | O_RDWR, 0600);
}

struct Check {
  const char* name;
  const char* what;
  const char* remedy;
  std::function<void()> attempt;  ///< throws when it is not there
};

std::vector<Check> all_checks() {
  constexpr const char* kernel_option = "load the kernel module, or run a kernel built with it";
  return {
      {"root", "namespaces, packet filters, other processes", "run nospof as root",
       [] {
         if (::geteuid() != 0) throw Error("this is not root");
       }},
      {"cgroup2", "finds, freezes and kills the processes of a service as one",
       "mount -t cgroup2 none /sys/fs/cgroup/unified", [] { cgroup2_mount(); }},
      {"cgroup-freezer", "makes a host stand still", "Linux 5.2 or newer", try_freezer},
      {"cgroup-cpu", "limits the CPU time of a host or a service",
       "mount the controller, or boot with it enabled", [] { find_controller("cpu"); }},
      {"cgroup-memory", "limits the memory of a host",
       "mount the controller, or boot with it enabled", [] { find_controller("memory"); }},
      {"cgroup-pids", "limits how many processes a host has",
       "mount the controller, or boot with it enabled", [] { find_controller("pids"); }},
      {"nftables", "drops and rejects packets; the kernel removes the rules with their owner",
       "a kernel with nf_tables, 5.12 or newer",
       [] { try_nft("table inet nospof_try { flags owner; chain c { counter drop; }; }"); }},
      {"nft-reject", "answers packets with a reset or an ICMP error", kernel_option,
       [] {
         try_nft("table inet nospof_try2 { chain c { meta l4proto tcp reject with tcp reset; }; }");
       }},
      {"nft-random", "drops a share of packets by chance", kernel_option,
       [] { try_nft("table inet nospof_try3 { chain c { numgen random mod 100 < 10 drop; }; }"); }},
      {"nft-conntrack", "tells established connections from new ones", kernel_option,
       [] { try_nft("table inet nospof_try4 { chain c { ct state established drop; }; }"); }},
      {"packet-socket", "sends and sees ARP and other raw packets", kernel_option,
       try_packet_socket},
      {"tcp-diag", "tells which connections services make", kernel_option, try_tcp_diag},
      {"sch_netem", "delays, loses, doubles and damages packets in the kernel", kernel_option,
       [] { try_qdisc("netem"); }},
      {"sch_tbf", "limits the bandwidth", kernel_option, [] { try_qdisc("tbf"); }},
      {"sch_htb", "limits the bandwidth of a part of the traffic", kernel_option,
       [] { try_qdisc("htb"); }},
      {"ifb", "netem and bandwidth for what comes in", kernel_option, [] { try_link("ifb"); }},
      {"temporary-file", "disk space that the kernel frees when its holder dies",
       "a file system with O_TMPFILE for /tmp", try_temporary_file},
  };
}

std::string missing_or_empty(const std::function<void()>& attempt) {
  try {
    attempt();
    return {};
  } catch (const std::exception& e) {
    return first_words(e.what());
  }
}

}  // namespace

std::vector<Capability> find_capabilities() {
  std::vector<Check> checks = all_checks();
  std::vector<Capability> found;
  for (const Check& each : checks)
    found.push_back({each.name, each.what, false, "it could not be tried", each.remedy});
  for (std::size_t i = 0; i < checks.size(); ++i) {
    // One namespace for each, so that what one leaves is not in the way of the next.
    found[i].missing = missing_or_empty([&] {
      if (found[i].name == "root") return checks[i].attempt();
      const UniqueFd network = create_network_namespace();
      in_namespaces({{network.get(), CLONE_NEWNET}}, checks[i].attempt);
    });
    found[i].present = found[i].missing.empty();
  }
  return found;
}

bool has_capability(const std::vector<Capability>& capabilities, const std::string& need) {
  std::istringstream names(need);
  std::string name;
  while (std::getline(names, name, '|'))
    if (std::ranges::any_of(capabilities, [&](const Capability& each) {
          return each.name == name && each.present;
        }))
      return true;
  return false;
}

}  // namespace nospof
