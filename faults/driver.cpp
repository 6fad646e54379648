#include "faults/driver.hpp"

#include <csignal>
#include <ctime>
#include <new>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system/cgroup.hpp"
#include "system/check.hpp"
#include "system/namespaces.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;

constexpr auto tidy_deadline = 1s;
volatile std::sig_atomic_t told_to_stop = 0;

// Signals that came before the handler was there are those of a caller that is gone anyway.
void listen_to_signals(bool tidy) {
  for (const int number : {SIGINT, SIGHUP, SIGPIPE, SIGQUIT}) ::signal(number, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
  struct sigaction action {};
  if (tidy)
    action.sa_handler = [](int) { told_to_stop = 1; };
  else
    action.sa_handler = SIG_DFL;
  ::sigaction(SIGTERM, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Not the caller's sockets, whose end others wait for, nor its journal's lock.
void keep_no_descriptor() {
  const UniqueFd null = open_file("/dev/null", O_RDWR);
  for (const int standard : {0, 1, 2}) check("dup2", ::dup2(null.get(), standard));
  ::syscall(SYS_close_range, 3U, ~0U, 0U);
}

}  // namespace

bool DriverControl::stopping() const {
  return told_to_stop != 0;
}

bool DriverControl::sleep(std::chrono::nanoseconds duration) const {
  if (stopping() || duration <= 0ns) return !stopping();
  const timespec time{static_cast<time_t>(duration.count() / 1'000'000'000),
                      static_cast<long>(duration.count() % 1'000'000'000)};
  // A signal between the question and the sleep is heard one round later.
  ::nanosleep(&time, nullptr);
  return !stopping();
}

void Driver::Unmap::operator()(DriverBoard* board) const noexcept {
  ::munmap(board, sizeof *board);
}

Driver::Driver(const DriverPlace& place, bool tidy, std::function<void(const DriverControl&)> body)
    : tidy_(tidy) {
  void* memory = ::mmap(nullptr, sizeof(DriverBoard), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw SystemError("map a driver's memory", errno);
  board_.reset(new (memory) DriverBoard);
  UniqueFd cgroup;
  if (!place.cgroup.empty()) {
    create_cgroup(place.cgroup);
    cgroup = open_file(place.cgroup, O_RDONLY | O_DIRECTORY);
  }
  ForkOptions options;
  options.cgroup_fd = cgroup.get();
  options.parent_death_signal = tidy ? SIGTERM : SIGKILL;
  Pipe joined = make_pipe();
  const pid_t owner = ::getpid();
  child_ = fork_process(options, [&]() -> int {
    listen_to_signals(tidy);
    // With SIGTERM the owner may have died before the handler was there: then no signal comes.
    if (tidy && ::prctl(PR_SET_PDEATHSIG, SIGTERM) < 0) return 1;
    if (tidy && ::getppid() != owner) return 1;
    ::setsid();
    join_limit_groups(place.groups, 0);
    write_all(joined.write_end.get(), "1", "pipe to the owner");
    keep_no_descriptor();
    ::prctl(PR_SET_NAME, "nospof-driver");
    body(DriverControl(*board_));
    board_->done = true;
    return 0;
  });
  joined.write_end.reset();
  char byte = 0;
  ssize_t n = 0;
  while ((n = ::read(joined.read_end.get(), &byte, 1)) < 0 && errno == EINTR) {
  }
  if (n != 1) throw Error("a driver could not join the control groups of its host");
}

bool Driver::alive() {
  return started() && child_.running();
}

std::string Driver::end() const {
  const auto status = child_.status();
  return status ? describe_wait_status(*status) : std::string();
}

std::chrono::nanoseconds Driver::cpu_time() const {
  return process_cpu_time(child_.pid()).value_or(0ns);
}

void Driver::stop() {
  if (!alive()) return;
  if (tidy_) {
    child_.signal(SIGTERM);
    if (child_.wait(tidy_deadline)) return;
  }
  child_.signal(SIGKILL);
  child_.wait(tidy_deadline);
}

std::string new_driver_cgroup(const kinds::HostEnv& env) {
  if (env.cgroup.empty()) return {};
  std::uint32_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number))
    throw SystemError("draw a name for a cgroup", errno);
  return fmt::format("{}/nospof-{:08x}", env.cgroup, number);
}

kinds::UndoRecord remove_cgroup_record(const std::string& folder) {
  return {{"op", "remove-cgroup"}, {"cgroup", folder}};
}

std::optional<std::chrono::nanoseconds> process_cpu_time(pid_t pid) {
  clockid_t clock = 0;
  timespec time{};
  if (pid <= 0 || ::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
    return std::nullopt;
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace nospof::faults
