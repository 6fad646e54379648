#include "lab/boot.hpp"

#include <array>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lab/host_mounts.hpp"
#include "system/cgroup.hpp"
#include "system/check.hpp"
#include "system/namespaces.hpp"
#include "system/nftables.hpp"

namespace nospof::lab {

namespace {

constexpr const char* link_name = "eth0";
constexpr rlim_t open_files = 65536;

// The keeper writes one byte when the link is there; its death ends the pipe.
void wait_for_link(int fd) {
  char byte = 0;
  ssize_t n = 0;
  while ((n = ::read(fd, &byte, 1)) < 0 && errno == EINTR) {
  }
  if (check("wait for the link", n) == 0) throw Error("the keeper is gone");
}

// Nothing passes before the firewall is in place: it is loaded first, the link goes up last.
void bring_up_network(const HostRecipe& host, int link_ready_fd) {
  Netlink net;
  net.set_up("lo", true);
  NftContext().run(host.plan.ruleset);
  wait_for_link(link_ready_fd);
  // IPv4 only: no neighbour discovery of IPv6 on the wire. Not every kernel has IPv6.
  const std::string ipv6 = fmt::format("/proc/sys/net/ipv6/conf/{}/disable_ipv6", link_name);
  if (::access(ipv6.c_str(), F_OK) == 0) write_all(open_file(ipv6, O_WRONLY).get(), "1", ipv6);
  net.add_address(link_name, host.address);
  net.set_up(link_name, true);
}

// Nothing of the keeper may reach the daemons: signals, limits, directory, descriptors.
void become_clean(const HostLayout& layout) {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  check("setsid", ::setsid());
  check("chdir /", ::chdir("/"));
  ::umask(022);
  rlimit limit{};
  check("getrlimit", ::getrlimit(RLIMIT_NOFILE, &limit));
  limit.rlim_cur = std::min(limit.rlim_max, open_files);
  check("setrlimit", ::setrlimit(RLIMIT_NOFILE, &limit));
  const UniqueFd null = open_file("/dev/null", O_RDONLY);
  const UniqueFd log = open_file(layout.log + "/boot.log", O_WRONLY | O_CREAT | O_APPEND);
  check("dup2", ::dup2(null.get(), 0));
  check("dup2", ::dup2(log.get(), 1));
  check("dup2", ::dup2(log.get(), 2));
  check("close_range", ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */));
}

[[noreturn]] void become_supervisor(const HostRecipe& host) {
  const std::string tini = find_program("tini");
  const std::string& sv = host.plan.layout.sv;
  // tini, because pid 1 must reap: with runsvdir alone a dead daemon's zombie is taken for alive.
  const std::array<const char*, 6> argv{"tini", "--", "runsvdir", "-P", sv.c_str(), nullptr};
  const std::array<const char*, 4> environment{
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
      "LANG=C.UTF-8", nullptr};
  ::execve(tini.c_str(), const_cast<char* const*>(argv.data()),
           const_cast<char* const*>(environment.data()));
  throw SystemError("exec " + tini, errno);
}

// Pid 1 of the host, from its first instruction on.
void boot(const LabRecipe& lab, const HostRecipe& host, int link_ready_fd) {
  check("set host name", ::sethostname(host.plan.host.data(), host.plan.host.size()));
  write_host(host.plan, host.cgroup);
  mount_host({lab.folder, Layout{lab.folder}.authority_keys(), host.plan.layout.hosts_file,
              lab.program, host.groups.all()});
  bring_up_network(host, link_ready_fd);
  become_clean(host.plan.layout);
  become_supervisor(host);
}

// A cgroup that was frozen or in use before the host went off must not hold up what runs in it now.
UniqueFd fresh_cgroup(const HostRecipe& host) {
  remove_cgroup(host.cgroup, std::chrono::milliseconds(100));
  const std::string init = host.cgroup + "/init";
  create_cgroup(init);
  freeze_cgroup(host.cgroup, false);
  return open_file(init, O_RDONLY | O_DIRECTORY);
}

}  // namespace

BootingHost start_boot(const LabRecipe& lab, const HostRecipe& host, Netlink& net,
                       const std::string& bridge) {
  net.delete_link(host.port);
  const UniqueFd cgroup = fresh_cgroup(host);
  make_limit_groups(host.groups, host.limits);
  Pipe link_ready = make_pipe();
  Pipe report = make_pipe();
  ForkOptions options;
  options.namespaces = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;
  options.cgroup_fd = cgroup.get();
  options.parent_death_signal = SIGKILL;
  BootingHost booting;
  booting.init = fork_process(options, [&]() -> int {
    // Else its own copy would keep the pipe open when the keeper dies.
    link_ready.write_end.reset();
    try {
      boot(lab, host, link_ready.read_end.get());
    } catch (const std::exception& e) {
      const std::string reason = e.what();
      [[maybe_unused]] const ssize_t n =
          ::write(report.write_end.get(), reason.data(), reason.size());
    }
    return 1;
  });
  booting.report = std::move(report.read_end);
  // Before anything is started on it: what it starts is born into its groups.
  join_limit_groups(host.groups, booting.init.pid());
  const UniqueFd network = open_namespace(booting.init.pid(), CLONE_NEWNET);
  net.add_veth({host.port, bridge, link_name, host.mac, network.get()});
  write_all(link_ready.write_end.get(), "1", "pipe to the host");
  return booting;
}

}  // namespace nospof::lab
