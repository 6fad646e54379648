// Time for a User-Mode Linux kernel that is loaded with this library: it takes its clock and its
// one timer from libc, so that both can be of a time that passes by what the machine does and not
// by the clock on the wall. Running costs a fixed amount, and while nothing is to be run time jumps
// to the next timer. So what is measured inside is exact, however loaded the real machine is, and
// nobody waits. (The kernel's own time-travel mode does so, but Debian's kernel is built without.)
//
// A program in there that loops without a system call makes time stand still.

#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr std::int64_t second = 1'000'000'000;
/// Loops that wait for time to pass have to come to an end.
constexpr std::int64_t reading_the_clock = 100;
/// From one system call, fault or signal of a process to the next.
constexpr std::int64_t running_a_process = 5'000;

// Signal handlers read the clock, too: nothing here waits for anything, and each change is one
// step.
std::atomic<bool> timer_exists = false;
/// While the kernel starts it measures how fast it is, in loops that wait for real ticks.
std::atomic<bool> is_virtual = false;
std::atomic<std::int64_t> now = 0;         ///< of CLOCK_MONOTONIC
std::atomic<std::int64_t> wall_ahead = 0;  ///< CLOCK_REALTIME before CLOCK_MONOTONIC
std::atomic<std::int64_t> due = 0;         ///< 0: the timer is not set
std::atomic<std::int64_t> interval = 0;
timer_t real_timer = nullptr;

std::int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * second + time.tv_nsec;
}

timespec as_timespec(std::int64_t nanoseconds) {
  return {.tv_sec = nanoseconds / second, .tv_nsec = nanoseconds % second};
}

std::int64_t real_now(clockid_t clock) {
  timespec time{};
  ::syscall(SYS_clock_gettime, clock, &time);
  return nanoseconds(time);
}

void ring() {
  std::int64_t was_due = due.load();
  if (was_due == 0 || was_due > now.load()) return;
  // A handler may have set the timer anew meanwhile.
  if (!due.compare_exchange_strong(was_due, interval > 0 ? was_due + interval : 0)) return;
  ::kill(::getpid(), SIGALRM);
}

void spend(std::int64_t cost) {
  now += cost;
  ring();
}

// The timer goes on from where it is; once too often does no harm, but never again would.
void leave_the_wall_clock() {
  sigset_t handled{};
  sigset_t before{};
  ::sigemptyset(&handled);
  ::sigaddset(&handled, SIGALRM);
  ::sigaddset(&handled, SIGIO);
  ::sigprocmask(SIG_BLOCK, &handled, &before);
  const itimerspec none{};
  itimerspec rest{};
  ::syscall(SYS_timer_settime, real_timer, 0, &none, &rest);
  now = real_now(CLOCK_MONOTONIC);
  wall_ahead = real_now(CLOCK_REALTIME) - now;
  interval = nanoseconds(rest.it_interval);
  due = now + nanoseconds(rest.it_value) + 1;
  is_virtual = true;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

// What the kernel calls instead of libc's.
extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  if (!is_virtual) return static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  spend(reading_the_clock);
  *time = as_timespec(now + (clock == CLOCK_REALTIME ? wall_ahead.load() : 0));
  return 0;
}

int timer_create(clockid_t clock, sigevent* event, timer_t* timer) noexcept {
  const long status = ::syscall(SYS_timer_create, clock, event, &real_timer);
  *timer = real_timer;
  timer_exists = status == 0;
  return static_cast<int>(status);
}

int timer_settime(timer_t timer, int flags, const itimerspec* set, itimerspec* before) noexcept {
  if (!is_virtual) return static_cast<int>(::syscall(SYS_timer_settime, timer, flags, set, before));
  interval = nanoseconds(set->it_interval);
  const std::int64_t left = nanoseconds(set->it_value);
  due = left > 0 ? now + left : 0;
  return 0;
}

int timer_gettime(timer_t timer, itimerspec* rest) noexcept {
  if (!is_virtual) return static_cast<int>(::syscall(SYS_timer_gettime, timer, rest));
  ring();
  const std::int64_t was_due = due.load();
  *rest = {.it_interval = as_timespec(interval),
           .it_value = as_timespec(was_due == 0 ? 0 : was_due - now)};
  return 0;
}

// There is nothing to do but to wait.
int sigsuspend(const sigset_t* mask) {
  if (is_virtual && due != 0) {
    if (now < due) now = due.load();
    ring();
  }
  constexpr std::size_t bytes = 8;  // of the kernel's own mask
  return static_cast<int>(::syscall(SYS_rt_sigsuspend, mask, bytes));
}

// There are no processes to be waited for before the first one that the kernel starts.
pid_t waitpid(pid_t process, int* status, int options) {
  if (timer_exists && !is_virtual) leave_the_wall_clock();
  const long ended = ::syscall(SYS_wait4, process, status, options, nullptr);
  if (is_virtual) spend(running_a_process);
  return static_cast<pid_t>(ended);
}
}
