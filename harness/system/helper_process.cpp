#include "system/helper_process.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/namespaces.hpp"

namespace nospof {

using namespace std::chrono_literals;

namespace {

// A socket bound to an abstract name is let go of by the kernel when the last process that holds it
// is gone for good: after every system call that it was in.
UniqueFd name_socket() {
  return UniqueFd(check("open a Unix socket", ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
}

bool bind_name(const UniqueFd& socket, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.empty() || name.size() + 1 > sizeof address.sun_path)
    throw Error(fmt::format("'{}' is no name for a helper process", name));
  name.copy(address.sun_path + 1, name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) return true;
  if (errno == EADDRINUSE) return false;
  throw SystemError(fmt::format("bind the name {} of a helper process", name), errno);
}

void keep_only(std::vector<int> kept) {
  const UniqueFd null = open_file("/dev/null", O_RDWR);
  for (const int standard : {0, 1, 2}) check("dup2", ::dup2(null.get(), standard));
  std::sort(kept.begin(), kept.end());
  unsigned first = 3;
  for (const int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (number > first) ::syscall(SYS_close_range, first, number - 1, 0U);
    first = number + 1;
  }
  ::syscall(SYS_close_range, first, ~0U, 0U);
}

// Asks its owner's signals away: whoever ends the helper does it with SIGKILL.
void forget_signals() {
  for (const int number : {SIGINT, SIGHUP, SIGTERM, SIGPIPE, SIGQUIT}) ::signal(number, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

void SharedCounters::Unmap::operator()(std::atomic<std::uint64_t>* values) const noexcept {
  ::munmap(values, most * sizeof *values);
}

SharedCounters::SharedCounters() {
  using Counter = std::atomic<std::uint64_t>;
  static_assert(Counter::is_always_lock_free);
  void* memory = ::mmap(nullptr, most * sizeof(Counter), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw SystemError("map memory to share with a helper process", errno);
  values_.reset(new (memory) Counter[most]{});
}

std::string new_helper_name() {
  std::uint64_t number = 0;
  check("getrandom", ::getrandom(&number, sizeof number, 0));
  return fmt::format("nospof-helper-{:016x}", number);
}

bool wait_until_helper_is_gone(const std::string& name, std::chrono::milliseconds at_most) {
  const auto end = std::chrono::steady_clock::now() + at_most;
  for (;;) {
    if (bind_name(name_socket(), name)) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(2ms);
  }
}

Child start_helper(const HelperOptions& options, const std::function<void()>& body) {
  UniqueFd name = name_socket();
  if (!bind_name(name, options.name))
    throw Error(fmt::format("a helper process called {} is there already", options.name));
  // No handler of the owner's may run in the child.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  check("block signals", ::pthread_sigmask(SIG_SETMASK, &all, &before));
  std::vector<int> kept = options.descriptors;
  kept.push_back(name.get());
  struct Restore {
    const sigset_t& mask;
    ~Restore() { ::pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } restore{before};
  return fork_process({.namespaces = 0, .cgroup_fd = -1, .parent_death_signal = SIGKILL}, [&] {
    forget_signals();
    ::prctl(PR_SET_NAME, "nospof-helper");
    keep_only(kept);
    body();
    return 0;
  });
}

}  // namespace nospof
