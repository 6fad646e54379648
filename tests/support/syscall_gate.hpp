#pragma once
// Stops a process at the very system call that a test names, without a word in the program under
// test: seccomp's user notification. Every call that can change something is told to the test,
// which lets it pass or holds it. A process that is held can be killed.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::test {

/// What a call was for, as one letter of a log.
enum class CallTag : char {
  journal = 'J',     ///< a line for the undo journal
  understudy = 'U',  ///< a line for the understudy
  output = 'O',      ///< a line for the controller
  change = 'X',      ///< anything else that may change something
};

/// Numbers of the calls that are told.
inline std::vector<std::uint32_t> gated_calls() {
  return {
#ifdef SYS_fork
      SYS_fork,
      SYS_vfork,
      SYS_rename,
      SYS_unlink,
      SYS_mkdir,
      SYS_rmdir,
      SYS_link,
      SYS_symlink,
#endif
      SYS_write,
      SYS_writev,
      SYS_pwrite64,
      SYS_sendto,
      SYS_sendmsg,
      SYS_kill,
      SYS_tgkill,
      SYS_pidfd_send_signal,
      SYS_renameat2,
      SYS_renameat,
      SYS_unlinkat,
      SYS_mkdirat,
      SYS_linkat,
      SYS_symlinkat,
      SYS_mount,
      SYS_umount2,
      SYS_move_mount,
      SYS_fallocate,
      SYS_ftruncate,
      SYS_fchmod,
      SYS_fchown,
      SYS_fchmodat,
      SYS_fchownat,
      SYS_prlimit64,
      SYS_bpf,
      SYS_clock_settime,
      SYS_clock_adjtime,
      SYS_clone3,
      SYS_clone,
      SYS_sched_setscheduler,
      SYS_copy_file_range,
      SYS_sendfile};
}

/// The test's side. Made in two steps, since the process that is watched makes the other end: it
/// calls install() before it does anything else, the test then connect()s.
class SyscallGate {
 public:
  using Hold = std::function<bool(const std::string& log, CallTag tag)>;

  SyscallGate()
      : shared_(static_cast<std::atomic<int>*>(::mmap(nullptr, sizeof(std::atomic<int>),
                                                      PROT_READ | PROT_WRITE,
                                                      MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    if (shared_ == MAP_FAILED) throw SystemError("mmap", errno);
    shared_->store(-1);
    stop_ = UniqueFd(check("eventfd", ::eventfd(0, EFD_CLOEXEC)));
  }
  ~SyscallGate() {
    release();
    if (server_.joinable()) {
      const std::uint64_t one = 1;
      [[maybe_unused]] const ssize_t n = ::write(stop_.get(), &one, sizeof one);
      server_.join();
    }
    ::munmap(shared_, sizeof(std::atomic<int>));
  }
  SyscallGate(const SyscallGate&) = delete;
  SyscallGate& operator=(const SyscallGate&) = delete;

  /// In the process to be watched; counts for all that it starts, too. Nothing that is told may be
  /// called before the test is connected: it would wait for that.
  void install() const {
    std::vector<sock_filter> code;
    const auto add = [&code](std::uint16_t what, std::uint32_t k, unsigned yes = 0,
                             unsigned no = 0) {
      code.push_back({what, static_cast<std::uint8_t>(yes), static_cast<std::uint8_t>(no), k});
    };
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
    const auto calls = gated_calls();
    for (std::size_t i = 0; i < calls.size(); ++i)
      add(BPF_JMP | BPF_JEQ | BPF_K, calls[i], static_cast<unsigned>(calls.size() - i), 0);
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    add(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    const int fd = check("seccomp with a listener",
                         static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                                    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program)));
    shared_->store(fd);
  }

  /// Takes the listener out of the process that installed it.
  void connect(int pidfd) {
    while (shared_->load() < 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    listener_ = UniqueFd(check(
        "pidfd_getfd", static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, shared_->load(), 0U))));
    server_ = std::thread([this] { serve(); });
  }

  /// Whose calls are looked at; others pass.
  void watch(pid_t process) {
    const std::scoped_lock guard(mutex_);
    watched_ = process;
  }
  /// Begins a new log; the first call for which `hold` says so waits until release().
  void hold_when(Hold hold) {
    const std::scoped_lock guard(mutex_);
    log_.clear();
    hold_ = std::move(hold);
  }
  bool wait_held(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, at_most, [this] { return held_.has_value(); });
  }
  /// Waits until no process with the filter is left: one that outlived the gate could make none of
  /// the calls that are told.
  bool wait_unused(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, at_most, [this] { return unused_; });
  }
  void release() {
    const std::scoped_lock guard(mutex_);
    hold_ = nullptr;
    if (held_) pass(*held_);
    held_.reset();
  }
  std::string log() {
    const std::scoped_lock guard(mutex_);
    return log_;
  }

 private:
  static pid_t process_of(pid_t thread) {
    try {
      const std::string status = read_file(fmt::format("/proc/{}/status", thread));
      const std::size_t at = status.find("Tgid:");
      return at == std::string::npos ? 0 : std::stoi(status.substr(at + 5));
    } catch (const std::exception&) {
      return 0;
    }
  }

  // Sockets to the understudy are a pair that the agent made itself.
  bool is_own_pair(pid_t process, int fd) const {
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process, 0U)));
    if (!pidfd) return false;
    const UniqueFd copy(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), fd, 0U)));
    if (!copy) return false;
    ucred peer{};
    socklen_t size = sizeof peer;
    int domain = 0;
    socklen_t domain_size = sizeof domain;
    return ::getsockopt(copy.get(), SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) == 0 &&
           domain == AF_UNIX &&
           ::getsockopt(copy.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           peer.pid == process;
  }

  std::optional<CallTag> tag_of(const seccomp_notif& call, pid_t process) const {
    const auto number = call.data.nr;
    const bool writes = number == SYS_write || number == SYS_writev || number == SYS_pwrite64;
    const bool sends = number == SYS_sendto || number == SYS_sendmsg;
    if (!writes && !sends) return CallTag::change;
    const auto fd = static_cast<int>(call.data.args[0]);
    std::error_code failure;
    const std::string target =
        std::filesystem::read_symlink(fmt::format("/proc/{}/fd/{}", process, fd), failure).string();
    if (target.find("eventfd") != std::string::npos) return std::nullopt;
    if (target.ends_with(".journal")) return CallTag::journal;
    if (target.starts_with("pipe:")) return CallTag::output;
    if (sends && is_own_pair(process, fd)) return CallTag::understudy;
    return CallTag::change;
  }

  void pass(std::uint64_t id) const {
    seccomp_notif_resp answer{};
    answer.id = id;
    answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    // The process may have been killed meanwhile.
    ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }

  void serve() {
    for (;;) {
      std::array<pollfd, 2> entries{pollfd{listener_.get(), POLLIN, 0},
                                    pollfd{stop_.get(), POLLIN, 0}};
      if (::poll(entries.data(), entries.size(), -1) < 0) continue;
      if (entries[1].revents != 0) return;
      if ((entries[0].revents & POLLIN) == 0) {
        if ((entries[0].revents & (POLLHUP | POLLERR)) == 0) continue;
        const std::scoped_lock guard(mutex_);
        unused_ = true;
        changed_.notify_all();
        return;
      }
      seccomp_notif call{};
      if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) continue;
      decide(call);
    }
  }

  void decide(const seccomp_notif& call) {
    const pid_t process = process_of(static_cast<pid_t>(call.pid));
    const std::scoped_lock guard(mutex_);
    if (watched_ == 0 || process != watched_) return pass(call.id);
    const auto tag = tag_of(call, process);
    if (!tag) return pass(call.id);
    if (hold_ && !held_ && hold_(log_, *tag)) {
      hold_ = nullptr;
      held_ = call.id;
      changed_.notify_all();
      return;
    }
    log_ += static_cast<char>(*tag);
    pass(call.id);
  }

  std::atomic<int>* shared_;
  UniqueFd listener_;
  UniqueFd stop_;
  std::thread server_;
  std::mutex mutex_;
  std::condition_variable changed_;
  pid_t watched_ = 0;
  Hold hold_;
  std::optional<std::uint64_t> held_;
  std::string log_;
  bool unused_ = false;
};

}  // namespace nospof::test
