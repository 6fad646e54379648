// How long it takes to put a fault in force and take it back: in process, as nospof does it, beside
// the programs that others start for it. One line for each, and what the second costs in terms of
// the first.
//
// bench_apply [ROUNDS]   (as root; everything happens in network namespaces made for it)

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/fifo.h>
#include <netlink/route/qdisc/tbf.h>
#include <netlink/route/tc.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/namespaces.hpp"
#include "system/netlink.hpp"
#include "system/nftables.hpp"
#include "system/process.hpp"
#include "system/raw_netlink.hpp"

namespace {

using namespace nospof;
using Microseconds = std::chrono::duration<double, std::micro>;

struct Cost {
  double median_us = 0;
  double best_us = 0;  ///< what it costs when nothing else is done on the machine
};

Cost measure(int rounds, const std::function<void()>& work) {
  std::vector<double> each;
  work();
  for (int i = 0; i < rounds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    each.push_back(Microseconds(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(each.begin(), each.end());
  return {each[each.size() / 2], each.front()};
}

void compare(const std::string& what, const Cost& ours, const std::string& theirs_name,
             const Cost& theirs, double goal) {
  fmt::print(
      "{:<40} median {:>9.1f} us, best {:>8.1f} | {:<26} {:>10.1f} us, best {:>8.1f} | {:.0f} "
      "times (best {:.0f}){}\n",
      what, ours.median_us, ours.best_us, theirs_name, theirs.median_us, theirs.best_us,
      theirs.median_us / ours.median_us, theirs.best_us / ours.best_us,
      goal > 0 ? fmt::format(", goal {:.0f}", goal) : std::string());
  std::fflush(stdout);
}

void run_program(const std::vector<std::string>& argv) {
  SpawnOptions options;
  options.argv = argv;
  Child child = spawn(options);
  const auto status = child.wait(std::chrono::seconds(10));
  if (!status || *status != 0) throw Error(fmt::format("{} failed", argv[0]));
}

/// A namespace under a name, as ip(8) wants it; the folder of names is this process's own.
class NamedNamespace {
 public:
  explicit NamedNamespace(const std::string& name) : path_("/run/netns/" + name) {
    check("unshare mounts", ::unshare(CLONE_NEWNS));
    check("make mounts private", ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
    check("hide /run", ::mount("tmpfs", "/run", "tmpfs", 0, "mode=755"));
    ::mkdir("/run/netns", 0755);
    file_ = create_network_namespace();
    open_file(path_, O_WRONLY | O_CREAT);
    const std::string from = fmt::format("/proc/self/fd/{}", file_.get());
    check("name the namespace", ::mount(from.c_str(), path_.c_str(), nullptr, MS_BIND, nullptr));
    Netlink net = Netlink::in(file_.get());
    net.add_veth({.name = "eth0",
                  .master = "",
                  .peer_name = "eth1",
                  .peer_mac = "",
                  .peer_namespace_fd = -1});
    net.set_up("eth1", true);
  }
  int fd() const { return file_.get(); }
  void set_device_up(bool up) const { Netlink::in(file_.get()).set_up("eth0", up); }

 private:
  std::string path_;
  UniqueFd file_;
};

void check_nl(const char* attempt, int result) {
  if (result < 0) throw Error(fmt::format("{}: {}", attempt, nl_geterror(result)));
}

/// A qdisc is set and deleted over one socket that was opened inside the namespace.
class Qdisc {
 public:
  explicit Qdisc(int namespace_fd) : socket_(nl_socket_alloc(), nl_socket_free) {
    in_namespaces({{namespace_fd, CLONE_NEWNET}}, [this] {
      check_nl("connect", nl_connect(socket_.get(), NETLINK_ROUTE));
      index_ = static_cast<int>(::if_nametoindex("eth0"));
    });
  }
  void add_and_delete(const char* kind) {
    const std::unique_ptr<rtnl_qdisc, decltype(&rtnl_qdisc_put)> qdisc(rtnl_qdisc_alloc(),
                                                                       rtnl_qdisc_put);
    rtnl_tc* tc = TC_CAST(qdisc.get());
    rtnl_tc_set_ifindex(tc, index_);
    rtnl_tc_set_parent(tc, TC_H_ROOT);
    rtnl_tc_set_handle(tc, TC_HANDLE(0x7b, 0));
    check_nl("kind", rtnl_tc_set_kind(tc, kind));
    if (std::string_view(kind) == "tbf") {
      rtnl_qdisc_tbf_set_rate(qdisc.get(), 1'250'000, 15'000, 0);
      check_nl("limit", rtnl_qdisc_tbf_set_limit_by_latency(qdisc.get(), 50'000));
    } else {
      check_nl("limit", rtnl_qdisc_fifo_set_limit(qdisc.get(), 100));
    }
    check_nl("add qdisc", rtnl_qdisc_add(socket_.get(), qdisc.get(), NLM_F_CREATE | NLM_F_EXCL));
    check_nl("delete qdisc", rtnl_qdisc_delete(socket_.get(), qdisc.get()));
  }

 private:
  std::unique_ptr<nl_sock, decltype(&nl_socket_free)> socket_;
  int index_ = 0;
};

// The rules of a partition of one host with one device: everything is dropped, both ways.
std::string partition_rules(bool owner) {
  return fmt::format(
      "table netdev nospof_bench {{\n{}"
      "  chain in_2 {{ type filter hook ingress device \"eth0\" priority -2147483648; policy "
      "accept; "
      "counter drop; }}\n"
      "  chain out_2 {{ type filter hook egress device \"eth0\" priority -2147483648; policy "
      "accept; "
      "counter drop; }}\n}}\n",
      owner ? "  flags owner\n" : "");
}

/// One element of a set, added and deleted by messages made by hand over a socket that stays open.
class SetElement {
 public:
  explicit SetElement(int namespace_fd) {
    in_namespaces({{namespace_fd, CLONE_NEWNET}}, [this] {
      NftContext().run(
          "table ip nospof_set { set peers { type ipv4_addr; }; chain in { type filter hook "
          "input priority -300; policy accept; ip saddr @peers drop; }; }");
      socket_ = UniqueFd(check("nfnetlink socket",
                               ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)));
    });
    in_addr peer{};
    check("inet_pton", ::inet_pton(AF_INET, "198.18.0.7", &peer) - 1);
    add_ = batch(NFT_MSG_NEWSETELEM, peer);
    delete_ = batch(NFT_MSG_DELSETELEM, peer);
  }
  void add_and_delete() {
    transact(add_);
    transact(delete_);
  }

 private:
  static std::string message(int type, int flags, const nfgenmsg& head, const std::string& rest) {
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_HDRLEN + sizeof head + rest.size());
    header.nlmsg_type = static_cast<std::uint16_t>(type);
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    return bytes_of(header) + bytes_of(head) + rest;
  }
  static std::string nested(std::uint16_t type, const std::string& inner) {
    std::string text;
    append_attribute(text, static_cast<std::uint16_t>(type | NLA_F_NESTED), inner);
    return text;
  }
  static std::string batch(int operation, in_addr peer) {
    const nfgenmsg frame{AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)};
    std::string value;
    append_attribute(value, NFTA_DATA_VALUE, bytes_of(peer));
    const std::string element = nested(NFTA_LIST_ELEM, nested(NFTA_SET_ELEM_KEY, value));
    std::string rest;
    append_attribute(rest, NFTA_SET_ELEM_LIST_TABLE, std::string("nospof_set") + '\0');
    append_attribute(rest, NFTA_SET_ELEM_LIST_SET, std::string("peers") + '\0');
    rest += nested(NFTA_SET_ELEM_LIST_ELEMENTS, element);
    return message(NFNL_MSG_BATCH_BEGIN, 0, frame, "") +
           message(NFNL_SUBSYS_NFTABLES << 8 | operation, NLM_F_ACK | NLM_F_CREATE,
                   {AF_INET, NFNETLINK_V0, 0}, rest) +
           message(NFNL_MSG_BATCH_END, 0, frame, "");
  }
  void transact(const std::string& bytes) {
    check("send to nftables", ::send(socket_.get(), bytes.data(), bytes.size(), 0));
    char answer[4096];
    const ssize_t n = check("answer of nftables", ::recv(socket_.get(), answer, sizeof answer, 0));
    const auto error = header_of<nlmsgerr>(
        std::string_view(answer, static_cast<std::size_t>(n)).substr(NLMSG_HDRLEN));
    if (!error || error->error != 0)
      throw SystemError("set element", error ? -error->error : EPROTO);
  }

  UniqueFd socket_;
  std::string add_, delete_;
};

std::string written(const std::string& path, const std::string& text) {
  write_all(open_file(path, O_WRONLY | O_CREAT | O_TRUNC).get(), text, path);
  return path;
}

void bench_qdisc(const NamedNamespace& host, int rounds, int slow_rounds) {
  Qdisc qdisc(host.fd());
  const auto by_programs = [slow_rounds](std::vector<std::string> qdisc_arguments) {
    std::vector<std::string> add{"ip",    "netns", "exec", "bench", "tc",
                                 "qdisc", "add",   "dev",  "eth0",  "root"};
    add.insert(add.end(), qdisc_arguments.begin(), qdisc_arguments.end());
    return measure(slow_rounds, [&add] {
      run_program(add);
      run_program({"ip", "netns", "exec", "bench", "tc", "qdisc", "del", "dev", "eth0", "root"});
    });
  };
  const auto both = [&](const std::string& what, const char* kind,
                        const std::vector<std::string>& arguments, double goal) {
    const Cost ours = measure(rounds, [&] { qdisc.add_and_delete(kind); });
    compare(what, ours, "2 x ip netns exec tc", by_programs(arguments), goal);
  };
  both("pfifo added and deleted, libnl, device up", "pfifo", {"pfifo", "limit", "100"}, 250);
  // Two tables of rates go with it, which are computed each time.
  both("tbf, device up", "tbf", {"tbf", "rate", "10mbit", "burst", "15000", "latency", "50ms"}, 0);
  // Without what the kernel does to stop a device that is in use and start it again.
  host.set_device_up(false);
  both("pfifo, device down", "pfifo", {"pfifo", "limit", "100"}, 0);
  host.set_device_up(true);
}

void bench_partition(const NamedNamespace& host, int rounds, int slow_rounds) {
  const std::string rules = partition_rules(true);
  Cost ours;
  Cost with_close;
  in_namespaces({{host.fd(), CLONE_NEWNET}}, [&] {
    NftContext owner;
    ours = measure(rounds, [&] {
      owner.run(rules);
      owner.run("delete table netdev nospof_bench");
    });
    // The kernel lets go of a closed owner's table only after every CPU has seen that it is gone.
    with_close = measure(std::max(rounds / 10, 1), [&] { NftContext().run(rules); });
  });
  const std::string add = written("/run/add.nft", partition_rules(false));
  const std::string remove = written("/run/delete.nft", "delete table netdev nospof_bench\n");
  const Cost theirs = measure(slow_rounds, [&] {
    run_program({"ip", "netns", "exec", "bench", "nft", "-f", add});
    run_program({"ip", "netns", "exec", "bench", "nft", "-f", remove});
  });
  compare("partition, libnftables, owner held open", ours, "2 x ip netns exec nft -f", theirs, 100);
  compare("the same, owner opened and closed", with_close, "2 x ip netns exec nft -f", theirs, 0);
  SetElement element(host.fd());
  const Cost in_set = measure(rounds, [&] { element.add_and_delete(); });
  const std::string add_element =
      written("/run/add_element.nft", "add element ip nospof_set peers { 198.18.0.7 }\n");
  const std::string remove_element =
      written("/run/delete_element.nft", "delete element ip nospof_set peers { 198.18.0.7 }\n");
  const Cost their_element = measure(slow_rounds, [&] {
    run_program({"ip", "netns", "exec", "bench", "nft", "-f", add_element});
    run_program({"ip", "netns", "exec", "bench", "nft", "-f", remove_element});
  });
  compare("set element, nfnetlink", in_set, "2 x ip netns exec nft -f", their_element, 1000);
}

void bench_signal(int rounds, int slow_rounds) {
  SpawnOptions options;
  options.argv = {"sleep", "1000"};
  options.parent_death_signal = SIGKILL;
  Child target = spawn(options);
  const auto state = read_process(target.pid());
  if (!state) throw Error("the process to be signalled is gone");
  const Cost by_pidfd = measure(rounds, [&] { target.signal(SIGCONT); });
  const Cost checked = measure(rounds, [&] { send_signal(state->id, SIGCONT); });
  const std::string pid = std::to_string(target.pid());
  const Cost theirs = measure(slow_rounds, [&] { run_program({"kill", "-CONT", pid}); });
  compare("signal by a pidfd that is held", by_pidfd, "kill", theirs, 500);
  compare("signal, process looked up and compared", checked, "kill", theirs, 0);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 2000;
  try {
    const NamedNamespace host("bench");
    bench_qdisc(host, rounds, std::max(rounds / 50, 1));
    bench_partition(host, rounds, std::max(rounds / 50, 1));
    bench_signal(rounds, std::max(rounds / 20, 1));
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
