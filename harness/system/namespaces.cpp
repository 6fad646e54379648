#include "system/namespaces.hpp"

#include <cstdint>
#include <exception>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system/check.hpp"

namespace nospof {

const char* namespace_name(int type) {
  switch (type) {
    case CLONE_NEWNET:
      return "net";
    case CLONE_NEWNS:
      return "mnt";
    case CLONE_NEWPID:
      return "pid";
    case CLONE_NEWUTS:
      return "uts";
    case CLONE_NEWIPC:
      return "ipc";
    case CLONE_NEWCGROUP:
      return "cgroup";
    default:
      throw Error(fmt::format("unknown kind of namespace {:#x}", type));
  }
}

UniqueFd open_namespace(pid_t pid, int type) {
  return open_file(fmt::format("/proc/{}/ns/{}", pid, namespace_name(type)), O_RDONLY);
}

UniqueFd open_own_namespace(int type) {
  return open_file(fmt::format("/proc/thread-self/ns/{}", namespace_name(type)), O_RDONLY);
}

void in_namespaces(const std::vector<NamespaceFd>& namespaces, const std::function<void()>& work) {
  std::exception_ptr failure;
  std::thread helper([&namespaces, &work, &failure] {
    try {
      for (const NamespaceFd& ns : namespaces) {
        // A mount namespace is refused to a thread that shares its root and directory with others.
        if (ns.type == CLONE_NEWNS) check("unshare CLONE_FS", ::unshare(CLONE_FS));
        check(fmt::format("setns {}", namespace_name(ns.type)), ::setns(ns.fd, ns.type));
      }
      work();
    } catch (...) {
      failure = std::current_exception();
    }
  });
  helper.join();
  if (failure) std::rethrow_exception(failure);
}

UniqueFd create_network_namespace() {
  UniqueFd made;
  in_namespaces({}, [&made] {
    check("unshare net", ::unshare(CLONE_NEWNET));
    made = open_own_namespace(CLONE_NEWNET);
  });
  return made;
}

Child fork_process(const ForkOptions& options, const std::function<int()>& body) {
  const UniqueFd parent = options.parent_death_signal != 0 ? open_own_process() : UniqueFd();
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = options.namespaces | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (options.cgroup_fd >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(options.cgroup_fd);
  }
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (check("clone3", pid) > 0) return Child(static_cast<pid_t>(pid), UniqueFd(pidfd));
  int code = 125;
  try {
    if (options.parent_death_signal != 0)
      check("prctl PR_SET_PDEATHSIG", ::prctl(PR_SET_PDEATHSIG, options.parent_death_signal));
    if (parent && process_has_ended(parent.get())) ::_exit(code);
    code = body();
  } catch (...) {
  }
  ::_exit(code);
}

}  // namespace nospof
