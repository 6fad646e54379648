#pragma once
// Waits for many descriptors and for a moment. One epoll and one timer; a descriptor that stays
// watched for the same thing costs no system call beyond the wait, which is shared by all that are
// ready at once.

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

#include <sys/epoll.h>

#include "system/clock.hpp"
#include "system/fd.hpp"

namespace nospof::probes {

class WatchedFd;

/// Belongs to one thread, and outlives everything that it watches.
class Reactor {
 public:
  /// Throws SystemError.
  Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// Waits until something is ready or `until` is reached, and lets those that are ready know: each
  /// once at most. Does not wait when `until` has passed.
  void wait(MonoTime until);
  /// The same, but sleeps until `until` whatever is ready meanwhile: one wakeup for all of them.
  void sleep(MonoTime until);

 private:
  friend class WatchedFd;
  void tell_ready(int patience);
  void forget(const WatchedFd* watched);
  void set_timer(MonoTime until);

  UniqueFd epoll_;
  UniqueFd timer_;
  std::optional<MonoTime> timer_at_;
  bool sleeps_exactly_ = false;
  std::array<epoll_event, 256> events_{};
  int ready_ = 0;  ///< of them, while they are gone through
  int next_ = 0;
};

/// A descriptor that a reactor watches, which it owns. May close or destroy any other one and
/// itself while it is told that it is ready.
class WatchedFd {
 public:
  enum class For : std::uint32_t { reading = EPOLLIN, writing = EPOLLOUT };

  /// `ready` is called for as long as what it waits for is there (level-triggered), and when the
  /// descriptor is in error or hung up.
  WatchedFd(Reactor& reactor, UniqueFd fd, std::function<void()> ready);
  ~WatchedFd() { close(); }
  WatchedFd(const WatchedFd&) = delete;
  WatchedFd& operator=(const WatchedFd&) = delete;

  int fd() const { return fd_.get(); }
  bool is_open() const { return static_cast<bool>(fd_); }
  /// From now on. Throws SystemError.
  void wait_for(For what);
  void close();

 private:
  friend class Reactor;
  Reactor& reactor_;
  UniqueFd fd_;
  std::function<void()> ready_;
  std::optional<For> for_;
};

}  // namespace nospof::probes
