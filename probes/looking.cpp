#include "probes/looking.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>

#include "system/check.hpp"
#include "system/clock.hpp"

namespace nospof::probes {

namespace {
constexpr std::int64_t round_period_ns = 1'000'000'000;
}  // namespace

std::int64_t now_ns() {
  return SystemClock().now().time_since_epoch().count();
}

bool wait_to_look(int stop_fd, int news_fd, std::int64_t until_ns) {
  std::array<pollfd, 2> entries{{{stop_fd, POLLIN, 0}, {news_fd, POLLIN, 0}}};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(Nanoseconds(until_ns - now_ns()));
  const int timeout = static_cast<int>(std::max<std::int64_t>(0, left.count()));
  if (::poll(entries.data(), entries.size(), timeout) < 0 && errno != EINTR)
    throw SystemError("wait for something to look at", errno);
  if ((entries[1].revents & POLLERR) != 0) {
    // That a device went down, or that there was too much to tell: to read it ends it.
    int failure = 0;
    socklen_t size = sizeof failure;
    ::getsockopt(news_fd, SOL_SOCKET, SO_ERROR, &failure, &size);
  }
  return entries[0].revents != 0;
}

void Rounds::looked(std::int64_t end_ns, bool decided) {
  end_ns_ = end_ns;
  ++looks_;
  if (!decided) ++undecided_;
  if (end_ns_ - begin_ns_ >= round_period_ns) finish();
}

void Rounds::finish() {
  if (looks_ == 0) return;
  sink_.looked(
      {.begin_ns = begin_ns_, .end_ns = end_ns_, .checked = looks_, .undecided = undecided_});
  begin_ns_ = end_ns_;
  looks_ = undecided_ = 0;
}

}  // namespace nospof::probes
