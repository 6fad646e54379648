#include "system/process.hpp"

#include <array>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/check.hpp"

extern char** environ;

namespace nospof {

namespace {

int pidfd_open(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U));
}

// What a child reports through the pipe when it cannot get as far as exec.
struct Failure {
  int error_number;
  std::array<char, 60> step;
};

[[noreturn]] void fail(int report_fd, const char* step) {
  Failure failure{errno, {}};
  ::strncpy(failure.step.data(), step, failure.step.size() - 1);
  [[maybe_unused]] const ssize_t n = ::write(report_fd, &failure, sizeof failure);
  ::_exit(127);
}

struct Prepared {
  UniqueFd parent;
  std::vector<char*> argv;
  std::vector<std::string> environment_texts;
  std::vector<char*> environment;
  std::string program;
};

Prepared prepare(const SpawnOptions& options) {
  Prepared prepared;
  if (options.argv.empty()) throw Error("spawn: empty argv");
  if (options.program_fd < 0) prepared.program = find_program(options.argv[0]);
  if (options.parent_death_signal != 0) prepared.parent = open_own_process();
  for (const auto& argument : options.argv)
    prepared.argv.push_back(const_cast<char*>(argument.c_str()));
  prepared.argv.push_back(nullptr);
  for (char** entry = environ; *entry != nullptr && !options.clean_environment; ++entry) {
    const std::string_view text = *entry;
    bool replaced = false;
    for (const auto& [name, value] : options.environment)
      replaced = replaced || (text.starts_with(name) && text.substr(name.size()).starts_with('='));
    if (!replaced) prepared.environment_texts.emplace_back(text);
  }
  for (const auto& [name, value] : options.environment)
    prepared.environment_texts.push_back(name + "=" + value);
  for (auto& text : prepared.environment_texts) prepared.environment.push_back(text.data());
  prepared.environment.push_back(nullptr);
  return prepared;
}

// Moves fd onto `target` in the child; descriptors 0 to 2 were moved out of the way before.
void place(int report_fd, int fd, int target, int null_flags) {
  if (fd < 0) {
    fd = ::open("/dev/null", null_flags);
    if (fd < 0) fail(report_fd, "open /dev/null");
  }
  if (fd == target) {
    if (::fcntl(fd, F_SETFD, 0) < 0) fail(report_fd, "fcntl F_SETFD");
  } else if (::dup2(fd, target) < 0) {
    fail(report_fd, "dup2");
  }
}

// Runs in the new process up to exec; allocates nothing.
[[noreturn]] void child_main(const SpawnOptions& options, Prepared& prepared, int report_fd) {
  if (options.parent_death_signal != 0 &&
      ::prctl(PR_SET_PDEATHSIG, options.parent_death_signal) < 0)
    fail(report_fd, "prctl PR_SET_PDEATHSIG");
  if (prepared.parent && process_has_ended(prepared.parent.get())) ::_exit(125);
  if (options.new_session && ::setsid() < 0) fail(report_fd, "setsid");
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGHUP, SIG_DFL);
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) < 0)
    fail(report_fd, "chdir");
  // Out of the way of 0..2, so that placing one cannot overwrite another.
  const int in = options.stdin_fd < 0 ? -1 : ::fcntl(options.stdin_fd, F_DUPFD_CLOEXEC, 10);
  const int out = options.stdout_fd < 0 ? -1 : ::fcntl(options.stdout_fd, F_DUPFD_CLOEXEC, 10);
  const int err = options.stderr_fd < 0 ? -1 : ::fcntl(options.stderr_fd, F_DUPFD_CLOEXEC, 10);
  const int program =
      options.program_fd < 0 ? -1 : ::fcntl(options.program_fd, F_DUPFD_CLOEXEC, 10);
  place(report_fd, in, 0, O_RDONLY);
  place(report_fd, out, 1, O_WRONLY);
  if (options.stderr_fd >= 0) place(report_fd, err, 2, O_WRONLY);
  const int kept = report_fd;
  ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
  if (program >= 0) {
    ::fexecve(program, prepared.argv.data(), prepared.environment.data());
  } else {
    ::execve(prepared.program.c_str(), prepared.argv.data(), prepared.environment.data());
  }
  fail(kept, "exec");
}

[[noreturn]] void enter_and_fork(const SpawnOptions& options, Prepared& prepared, int report_fd,
                                 int pid_fd) {
  if (options.cgroup_procs_fd >= 0 && ::write(options.cgroup_procs_fd, "0", 1) < 0)
    fail(report_fd, "join cgroup");
  for (const NamespaceFd& ns : options.namespaces) {
    if (ns.type == CLONE_NEWNS && ::unshare(CLONE_FS) < 0) fail(report_fd, "unshare CLONE_FS");
    if (::setns(ns.fd, ns.type) < 0) fail(report_fd, "setns");
  }
  if (options.directory.empty() && !options.namespaces.empty() && ::chdir("/") < 0)
    fail(report_fd, "chdir /");
  // CLONE_PARENT: the program becomes a child of the caller, though it is born in the pid
  // namespace.
  const long pid = ::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid < 0) fail(report_fd, "clone");
  if (pid == 0) child_main(options, prepared, report_fd);
  const auto number = static_cast<pid_t>(pid);
  if (::write(pid_fd, &number, sizeof number) < 0) fail(report_fd, "report pid");
  ::_exit(0);
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = ::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "";
  std::string searched(rest);
  searched += ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";
  rest = searched;
  while (!rest.empty()) {
    const std::size_t end = rest.find(':');
    const std::string candidate = fmt::format("{}/{}", rest.substr(0, end), name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  throw Error(fmt::format("program '{}' is not installed (not found in PATH)", name));
}

std::optional<ProcessState> read_process(pid_t pid) {
  std::string text;
  try {
    text = read_file(fmt::format("/proc/{}/stat", pid));
  } catch (const SystemError& e) {
    if (e.error_number() == ENOENT || e.error_number() == ESRCH) return std::nullopt;
    throw;
  }
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;
  ProcessState state;
  state.id.pid = pid;
  state.command = text.substr(open + 1, close - open - 1);
  int parent = 0;
  unsigned long long start = 0;
  unsigned long long user = 0;
  unsigned long long system = 0;
  // Fields 3 (state), 4 (ppid), 14 and 15 (utime, stime) and 22 (starttime).
  if (std::sscanf(text.c_str() + close + 2,
                  "%c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu "
                  "%*d %*d %*d %*d %*d %*d %llu",
                  &state.state, &parent, &user, &system, &start) != 5)
    return std::nullopt;
  state.parent = parent;
  state.cpu_ticks = user + system;
  state.id.start_time = start;
  return state;
}

bool is_alive(const ProcessId& id) {
  const auto state = read_process(id.pid);
  return state && state->id == id && state->state != 'Z' && state->state != 'X';
}

bool send_signal(const ProcessId& id, int signal_number) {
  const UniqueFd pidfd(pidfd_open(id.pid));
  if (!pidfd) {
    if (errno == ESRCH || errno == EINVAL) return false;
    check(fmt::format("pidfd_open {}", id.pid), -1);
  }
  // The pidfd pins the process; only now can the start time be compared without a race.
  const auto state = read_process(id.pid);
  if (!state || state->id != id) return false;
  const long result = ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal_number, nullptr, 0U);
  if (result == 0) return true;
  if (errno == ESRCH) return false;
  throw SystemError(
      fmt::format("signal {} to process {} ({})", signal_number, id.pid, state->command), errno);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      pidfd_(std::move(other.pidfd_)),
      status_(std::exchange(other.status_, std::nullopt)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    Child old(std::move(*this));
    pid_ = std::exchange(other.pid_, 0);
    pidfd_ = std::move(other.pidfd_);
    status_ = std::exchange(other.status_, std::nullopt);
  }
  return *this;
}

Child::~Child() {
  if (pid_ == 0 || status_) return;
  ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0U);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

bool Child::running() {
  return pid_ != 0 && !wait(std::chrono::milliseconds(0));
}

void Child::signal(int signal_number) {
  if (pid_ == 0 || status_) return;
  const long result = ::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal_number, nullptr, 0U);
  if (result < 0 && errno != ESRCH) check(fmt::format("signal child {}", pid_), result);
}

std::optional<int> Child::wait(std::chrono::milliseconds at_most) {
  if (status_ || pid_ == 0) return status_;
  const auto end = std::chrono::steady_clock::now() + at_most;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd entry{pidfd_.get(), POLLIN, 0};
    const int n = ::poll(&entry, 1, static_cast<int>(std::max<long>(left.count(), 0)));
    if (n < 0 && errno == EINTR) continue;
    if (check("poll pidfd", n) == 0) return std::nullopt;
    int status = 0;
    if (check("waitpid", ::waitpid(pid_, &status, WNOHANG)) == pid_) status_ = status;
    return status_;
  }
}

UniqueFd open_own_process() {
  return UniqueFd(static_cast<int>(
      check("pidfd_open of the own process", ::syscall(SYS_pidfd_open, ::getpid(), 0))));
}

bool process_has_ended(int pidfd) {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

Child spawn(const SpawnOptions& options) {
  Prepared prepared = prepare(options);
  Pipe report = make_pipe();
  // The report pipe must not sit on 0..2, which the child replaces.
  UniqueFd report_fd(
      check("dup report pipe", ::fcntl(report.write_end.get(), F_DUPFD_CLOEXEC, 10)));
  report.write_end.reset();
  Pipe pid_pipe = make_pipe();
  const bool indirect = !options.namespaces.empty() || options.cgroup_procs_fd >= 0;
  const pid_t first = check("fork", ::fork());
  if (first == 0) {
    if (indirect) enter_and_fork(options, prepared, report_fd.get(), pid_pipe.write_end.get());
    child_main(options, prepared, report_fd.get());
  }
  report_fd.reset();
  pid_pipe.write_end.reset();
  pid_t pid = first;
  if (indirect) {
    pid_t number = 0;
    const ssize_t n = ::read(pid_pipe.read_end.get(), &number, sizeof number);
    int status = 0;
    while (::waitpid(first, &status, 0) < 0 && errno == EINTR) {
    }
    pid = n == sizeof number ? number : 0;
  }
  Child child;
  if (pid != 0) child = Child(pid, UniqueFd(check("pidfd_open child", pidfd_open(pid))));
  Failure failure{};
  const ssize_t n = ::read(report.read_end.get(), &failure, sizeof failure);
  if (n == sizeof failure)
    throw SystemError(fmt::format("start '{}': {}", options.argv[0], failure.step.data()),
                      failure.error_number);
  if (pid == 0) throw Error(fmt::format("start '{}': the helper process died", options.argv[0]));
  return child;
}

CommandResult run_command(SpawnOptions options, std::chrono::milliseconds at_most,
                          std::string_view input) {
  constexpr std::size_t limit = 1U << 20U;
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  options.stdin_fd = in.read_end.get();
  options.stdout_fd = out.write_end.get();
  options.stderr_fd = err.write_end.get();
  Child child = spawn(options);
  in.read_end.reset();
  out.write_end.reset();
  err.write_end.reset();
  check("fcntl", ::fcntl(in.write_end.get(), F_SETFL, O_NONBLOCK));
  CommandResult result;
  const auto end = std::chrono::steady_clock::now() + at_most;
  std::array<char, 65536> block{};
  if (input.empty()) in.write_end.reset();
  while (out.read_end || err.read_end) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      result.timed_out = true;
      break;
    }
    std::array<pollfd, 3> entries{pollfd{out.read_end.get(), POLLIN, 0},
                                  pollfd{err.read_end.get(), POLLIN, 0},
                                  pollfd{in.write_end.get(), POLLOUT, 0}};
    if (::poll(entries.data(), entries.size(), static_cast<int>(left.count())) < 0) {
      if (errno == EINTR) continue;
      check("poll output", -1);
    }
    for (int i = 0; i < 2; ++i) {
      if (entries[static_cast<std::size_t>(i)].revents == 0) continue;
      UniqueFd& fd = i == 0 ? out.read_end : err.read_end;
      std::string& text = i == 0 ? result.output : result.errors;
      const ssize_t n = ::read(fd.get(), block.data(), block.size());
      if (n <= 0)
        fd.reset();
      else if (text.size() < limit)
        text.append(block.data(), static_cast<std::size_t>(n));
    }
    if (entries[2].revents != 0) {
      const ssize_t n = ::write(in.write_end.get(), input.data(), input.size());
      if (n > 0) input.remove_prefix(static_cast<std::size_t>(n));
      if (input.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in.write_end.reset();
    }
  }
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  if (!result.timed_out && !child.wait(std::max(left, std::chrono::milliseconds(0))))
    result.timed_out = true;
  if (result.timed_out) {
    child.signal(SIGKILL);
    child.wait(std::chrono::seconds(10));
  }
  const int status = child.status().value_or(0);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

std::string describe_wait_status(int status) {
  if (WIFEXITED(status)) return fmt::format("exited with {}", WEXITSTATUS(status));
  if (WIFSIGNALED(status))
    return fmt::format("killed by signal {} ({})", WTERMSIG(status), signal_name(WTERMSIG(status)));
  return fmt::format("wait status {}", status);
}

std::optional<int> signal_number(std::string_view name) {
  if (name.starts_with("SIG")) name.remove_prefix(3);
  for (int number = 1; number < NSIG; ++number) {
    const char* abbreviation = ::sigabbrev_np(number);
    if (abbreviation != nullptr && name == abbreviation) return number;
  }
  return std::nullopt;
}

std::string signal_name(int number) {
  const char* abbreviation = ::sigabbrev_np(number);
  return abbreviation != nullptr ? abbreviation : fmt::format("{}", number);
}

}  // namespace nospof
