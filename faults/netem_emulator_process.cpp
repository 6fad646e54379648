#include "faults/netem_emulator_process.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <new>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/namespaces.hpp"

namespace nospof::faults {

using namespace std::chrono_literals;

namespace {

constexpr auto start_within = 2s;
constexpr auto let_go_within = 2s;

EmulatorCounters* map_counters() {
  void* memory = ::mmap(nullptr, sizeof(EmulatorCounters), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw SystemError("map the counters of the emulator", errno);
  return new (memory) EmulatorCounters;
}

// Nothing of its owner may live on in the emulator: not its pipes, not the sockets that own the
// tables of other faults.
void keep_only(std::array<int, 2> kept) {
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

int emulator_main(const EmulatorOptions& options, EmulatorCounters& counters, int control,
                  int owner) {
  for (const int number : {SIGINT, SIGHUP, SIGTERM, SIGPIPE, SIGQUIT}) ::signal(number, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_NAME, EmulatorProcess::process_name(options.rules.table).c_str());
  check("setsid", ::setsid());
  check("chdir /", ::chdir("/"));
  keep_only({control, owner});
  run_emulator(options, counters, control, owner);
  return counters.state == EmulatorCounters::failed ? 1 : 0;
}

}  // namespace

void EmulatorProcess::Unmap::operator()(EmulatorCounters* counters) const noexcept {
  ::munmap(counters, sizeof *counters);
}

EmulatorProcess::EmulatorProcess(const EmulatorOptions& options) : counters_(map_counters()) {
  Pipe control = make_pipe();
  const UniqueFd owner(check("pidfd_open of this process",
                             static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0U))));
  process_ = fork_process({}, [&] {
    control.write_end.reset();
    return emulator_main(options, *counters_, control.read_end.get(), owner.get());
  });
  control_ = std::move(control.write_end);
  const auto end = std::chrono::steady_clock::now() + start_within;
  while (counters_->state == EmulatorCounters::starting) {
    if (!process_.running())
      throw Error(fmt::format("netem: the emulator {}", describe_wait_status(*process_.status())));
    if (std::chrono::steady_clock::now() >= end)
      throw Error("netem: the emulator did not start within 2 s");
    std::this_thread::sleep_for(1ms);
  }
  if (counters_->state == EmulatorCounters::failed)
    throw Error(fmt::format("netem: the emulator can't start: {}", counters_->trouble.data()));
}

EmulatorProcess::~EmulatorProcess() {
  control_.reset();
  try {
    process_.wait(let_go_within);
  } catch (const std::exception&) {
    // Then it is killed.
  }
}

}  // namespace nospof::faults
