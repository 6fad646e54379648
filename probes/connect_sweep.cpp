#include "probes/connect_sweep.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/epoll.h>

#include "system/check.hpp"

namespace nospof::probes {

namespace {

constexpr std::uint64_t stop_mark = UINT64_MAX;
constexpr int events_at_once = 256;

MonoTime now() {
  return std::chrono::steady_clock::now();
}
std::int64_t ns_of(MonoTime time) {
  return Nanoseconds(time.time_since_epoch()).count();
}

bool says_filtered(const IcmpError& icmp) {
  if (icmp.family == AF_INET)
    return icmp.type == ICMP_DEST_UNREACH &&
           (icmp.code == ICMP_PORT_UNREACH || icmp.code == ICMP_NET_ANO ||
            icmp.code == ICMP_HOST_ANO || icmp.code == ICMP_PKT_FILTERED);
  // No code of <netinet/icmp6.h>: the source address failed a policy, the route is to be rejected.
  constexpr int policy_fail = 5;
  constexpr int reject_route = 6;
  return icmp.family == AF_INET6 && icmp.type == ICMP6_DST_UNREACH &&
         (icmp.code == ICMP6_DST_UNREACH_NOPORT || icmp.code == ICMP6_DST_UNREACH_ADMIN ||
          icmp.code == policy_fail || icmp.code == reject_route);
}

/// What ICMP message ended it, if one did.
IcmpError icmp_error_of(int fd) {
  std::array<char, 512> control{};
  msghdr message{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return {};
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    const bool four = part->cmsg_level == SOL_IP && part->cmsg_type == IP_RECVERR;
    const bool six = part->cmsg_level == SOL_IPV6 && part->cmsg_type == IPV6_RECVERR;
    if (!four && !six) continue;
    sock_extended_err error{};
    std::copy_n(CMSG_DATA(part), sizeof error, reinterpret_cast<unsigned char*>(&error));
    if (error.ee_origin == SO_EE_ORIGIN_ICMP) return {AF_INET, error.ee_type, error.ee_code};
    if (error.ee_origin == SO_EE_ORIGIN_ICMP6) return {AF_INET6, error.ee_type, error.ee_code};
  }
  return {};
}

class Sweep {
 public:
  Sweep(const std::vector<Endpoint>& endpoints, Nanoseconds timeout, std::size_t max_in_flight)
      : endpoints_(endpoints),
        timeout_(timeout),
        max_in_flight_(max_in_flight),
        epoll_(check("epoll_create1", ::epoll_create1(EPOLL_CLOEXEC))),
        results_(endpoints.size()),
        sockets_(endpoints.size()) {}

  bool run(int stop_fd);
  std::vector<Reached> take() { return std::move(results_); }

 private:
  void watch(int fd, std::uint32_t events, std::uint64_t mark) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = mark;
    check("epoll_ctl", ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event));
  }
  void begin(std::size_t index);
  bool wait();
  void answered(std::size_t index);
  void expire();
  void end(std::size_t index, Reach reach, int error_number);

  const std::vector<Endpoint>& endpoints_;
  Nanoseconds timeout_;
  std::size_t max_in_flight_;
  UniqueFd epoll_;
  std::vector<Reached> results_;
  std::vector<UniqueFd> sockets_;
  std::size_t in_flight_ = 0;
  struct Deadline {
    MonoTime at;
    std::size_t index;
  };
  std::deque<Deadline> deadlines_;  ///< in their order, as all have the same time-out
};

bool Sweep::run(int stop_fd) {
  watch(stop_fd, EPOLLIN, stop_mark);
  std::size_t next = 0;
  while (next < endpoints_.size() || in_flight_ > 0) {
    while (next < endpoints_.size() && in_flight_ < max_in_flight_) begin(next++);
    if (!wait()) return false;
    expire();
  }
  return true;
}

void Sweep::begin(std::size_t index) {
  int error_number = 0;
  const MonoTime begun = now();
  results_[index].begin_ns = ns_of(begun);
  UniqueFd fd = begin_half_connect(endpoints_[index], error_number);
  ++in_flight_;
  if (!fd) return end(index, classify_reach(error_number, {}), error_number);
  // Without this an ICMP message is told as an errno only, which does not tell a filter from a
  // router.
  const int on = 1;
  const bool six = endpoints_[index].address.ss_family == AF_INET6;
  ::setsockopt(fd.get(), six ? SOL_IPV6 : SOL_IP, six ? IPV6_RECVERR : IP_RECVERR, &on, sizeof on);
  sockets_[index] = std::move(fd);
  watch(sockets_[index].get(), EPOLLOUT, index);
  deadlines_.push_back({begun + timeout_, index});
}

bool Sweep::wait() {
  while (!deadlines_.empty() && !sockets_[deadlines_.front().index]) deadlines_.pop_front();
  if (in_flight_ == 0) return true;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadlines_.front().at - now()).count();
  // All that is ready, so that nothing which has answered is taken for silent afterwards.
  for (int count = events_at_once; count == events_at_once; left = 0) {
    std::array<epoll_event, events_at_once> events{};
    count = ::epoll_wait(epoll_.get(), events.data(), events_at_once,
                         static_cast<int>(std::max<std::int64_t>(left, 0)));
    for (int i = 0; i < count; ++i) {
      const std::uint64_t mark = events.at(static_cast<std::size_t>(i)).data.u64;
      if (mark == stop_mark) return false;
      answered(static_cast<std::size_t>(mark));
    }
  }
  return true;
}

void Sweep::answered(std::size_t index) {
  const int fd = sockets_[index].get();
  int error_number = 0;
  socklen_t size = sizeof error_number;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &size);
  if (error_number == 0) {
    // RST instead of FIN: neither side keeps anything, and the other one does not even accept.
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  end(index, classify_reach(error_number, error_number == 0 ? IcmpError{} : icmp_error_of(fd)),
      error_number);
}

// What answered just in time has been seen before.
void Sweep::expire() {
  const MonoTime reached = now();
  for (; !deadlines_.empty() && deadlines_.front().at <= reached; deadlines_.pop_front())
    if (const std::size_t index = deadlines_.front().index; sockets_[index])
      end(index, Reach::silent, 0);
}

void Sweep::end(std::size_t index, Reach reach, int error_number) {
  sockets_[index].reset();
  --in_flight_;
  Reached& result = results_[index];
  result.reach = reach;
  result.error_number = error_number;
  result.end_ns = ns_of(now());
}

}  // namespace

std::string_view reach_name(Reach reach) {
  switch (reach) {
    case Reach::open:
      return "open";
    case Reach::refused:
      return "refused";
    case Reach::rejected:
      return "rejected";
    case Reach::silent:
      return "silent";
    case Reach::unreachable:
      return "unreachable";
    case Reach::local_error:
      return "local-error";
  }
  return "?";
}

Reach classify_reach(int error_number, const IcmpError& icmp) {
  if (says_filtered(icmp)) return Reach::rejected;
  switch (error_number) {
    case 0:
      return Reach::open;
    case ECONNREFUSED:
    case ECONNRESET:
      return Reach::refused;
    case ETIMEDOUT:
      return Reach::silent;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ENONET:
    case EACCES:  // a "prohibit" route
    case EPROTO:
    case ENOPROTOOPT:  // ICMP protocol unreachable
      return Reach::unreachable;
    default:
      return Reach::local_error;
  }
}

std::vector<Reached> sweep(const std::vector<Endpoint>& endpoints, Nanoseconds timeout,
                           std::size_t max_in_flight, int stop_fd) {
  Sweep one(endpoints, timeout, max_in_flight);
  if (!one.run(stop_fd)) return {};
  return one.take();
}

}  // namespace nospof::probes
