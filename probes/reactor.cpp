#include "probes/reactor.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include <sys/prctl.h>
#include <sys/timerfd.h>

#include "system/check.hpp"

namespace nospof::probes {

namespace {
timespec to_timespec(MonoTime moment) {
  const auto since_boot = moment.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
  return {seconds.count(), (since_boot - seconds).count()};
}
}  // namespace

Reactor::Reactor()
    : epoll_(check("epoll_create1", ::epoll_create1(EPOLL_CLOEXEC))),
      timer_(
          check("timerfd_create", ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC))) {
  // Only that it went off is of interest, so it is never read: edge-triggered it says that once.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  check("epoll_ctl ADD timer", ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, timer_.get(), &event));
}

void Reactor::wait(MonoTime until) {
  int patience = 0;
  if (until > std::chrono::steady_clock::now()) {
    set_timer(until);
    patience = -1;
  }
  tell_ready(patience);
}

void Reactor::sleep(MonoTime until) {
  if (until > std::chrono::steady_clock::now()) {
    // Otherwise 50 us may come on top, unless the thread is in real time.
    if (!std::exchange(sleeps_exactly_, true))
      check("prctl PR_SET_TIMERSLACK", ::prctl(PR_SET_TIMERSLACK, 1));
    const timespec when = to_timespec(until);
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr);
  }
  tell_ready(0);
}

void Reactor::tell_ready(int patience) {
  const int n =
      ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), patience);
  if (n < 0) {
    if (errno == EINTR) return;
    check("epoll_wait", n);
  }
  ready_ = n;
  for (next_ = 0; next_ < ready_;) {
    const auto* watched =
        static_cast<const WatchedFd*>(events_.at(static_cast<std::size_t>(next_++)).data.ptr);
    if (watched == nullptr) continue;
    // A copy, because it may destroy itself.
    const std::function<void()> ready = watched->ready_;
    ready();
  }
  ready_ = 0;
}

// A timeout of epoll_wait() itself would be rounded up by the timer slack of the thread.
void Reactor::set_timer(MonoTime until) {
  if (timer_at_ == until) return;
  itimerspec when{};
  when.it_value = to_timespec(until);
  check("timerfd_settime", ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr));
  timer_at_ = until;
}

void Reactor::forget(const WatchedFd* watched) {
  for (int i = next_; i < ready_; ++i) {
    epoll_event& event = events_.at(static_cast<std::size_t>(i));
    if (event.data.ptr == watched) event.data.ptr = nullptr;
  }
}

WatchedFd::WatchedFd(Reactor& reactor, UniqueFd fd, std::function<void()> ready)
    : reactor_(reactor), fd_(std::move(fd)), ready_(std::move(ready)) {}

void WatchedFd::wait_for(For what) {
  if (for_ == what) return;
  epoll_event event{};
  event.events = static_cast<std::uint32_t>(what);
  event.data.ptr = this;
  check("epoll_ctl", ::epoll_ctl(reactor_.epoll_.get(), for_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
                                 fd_.get(), &event));
  for_ = what;
}

void WatchedFd::close() {
  if (!fd_) return;
  reactor_.forget(this);
  // Not only closed: what it stands for may live on in a child that was started meanwhile.
  if (for_) ::epoll_ctl(reactor_.epoll_.get(), EPOLL_CTL_DEL, fd_.get(), nullptr);
  fd_.reset();
  for_.reset();
}

}  // namespace nospof::probes
