#include "probes/icmp_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "system/check.hpp"

namespace nospof::probes {

namespace {

constexpr int receive_buffer = 1024 * 1024;

void set_option(int fd, int level, int option, int value, const char* what) {
  check(what, ::setsockopt(fd, level, option, &value, sizeof value));
}

UniqueFd open_socket(bool& raw) {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP));
  raw = !fd;
  if (raw) fd = UniqueFd(::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP));
  if (!fd)
    throw MissingCapability(
        "icmp probe: no ICMP socket for this user: give it CAP_NET_RAW, or its group a place in "
        "net.ipv4.ping_group_range");
  return fd;
}

MonoTime mono_of(const timespec& wall) {
  const SystemClock clock;
  const auto since_epoch =
      std::chrono::seconds(wall.tv_sec) + std::chrono::nanoseconds(wall.tv_nsec);
  const MonoTime now = clock.now();
  return std::min(now, now - (clock.wall().time_since_epoch() - since_epoch));
}

/// One message with what the kernel says about it.
struct Message {
  std::array<char, 66000> bytes;  // not filled with zeros: it is read into
  alignas(cmsghdr) std::array<char, 512> control;
  std::size_t size = 0;
  MonoTime came;
  std::optional<sock_extended_err> error;

  std::string_view text() const { return {bytes.data(), size}; }
  bool receive(int fd, int flags);
};

bool Message::receive(int fd, int flags) {
  iovec part{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  // An error that waits for the socket as a whole is told once, before what came; each one is in
  // the error queue too.
  ssize_t n = -1;
  for (int tries = 0; tries < 8 && n < 0; ++tries) {
    n = ::recvmsg(fd, &header, flags | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EBADF)) return false;
  }
  if (n < 0) return false;
  size = static_cast<std::size_t>(n);
  came = SystemClock().now();
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
      timespec wall{};
      std::memcpy(&wall, CMSG_DATA(c), sizeof wall);
      came = mono_of(wall);
    } else if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) {
      std::memcpy(&error.emplace(), CMSG_DATA(c), sizeof(sock_extended_err));
    }
  }
  return true;
}

}  // namespace

IcmpSocket::IcmpSocket(const Endpoint& endpoint, std::uint16_t id)
    : endpoint_(endpoint), fd_(open_socket(raw_)), id_(id) {
  const auto* address = reinterpret_cast<const sockaddr*>(&endpoint_.address);
  set_option(fd(), SOL_SOCKET, SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS");
  set_option(fd(), SOL_IP, IP_RECVERR, 1, "IP_RECVERR");
  set_option(fd(), SOL_SOCKET, SO_RCVBUF, receive_buffer, "SO_RCVBUF");
  // From now on only what comes from there is told. Where there is no route yet, sending will say
  // so.
  [[maybe_unused]] const int rc = ::connect(fd(), address, endpoint_.length);
  if (raw_) set_option(fd(), SOL_RAW, ICMP_FILTER, ~(1 << ICMP_ECHOREPLY), "ICMP_FILTER");
}

int IcmpSocket::send(std::uint16_t sequence, const std::string& payload) const {
  const std::string request = echo_request({id_, sequence, payload});
  const auto* address = reinterpret_cast<const sockaddr*>(&endpoint_.address);
  // The first failure may be that of an earlier request, which the kernel had not told yet.
  for (int tries = 0;; ++tries) {
    const ssize_t n =
        ::sendto(fd(), request.data(), request.size(), MSG_NOSIGNAL, address, endpoint_.length);
    if (n >= 0) return 0;
    if (tries == 1) return errno;
  }
}

std::optional<IcmpSocket::Answer> IcmpSocket::next_answer() const {
  Message message;
  while (message.receive(fd(), 0)) {
    const auto icmp = raw_ ? behind_ip_header(message.text()) : message.text();
    auto reply = parse_echo_reply(icmp);
    if (!reply || (raw_ && reply->id != id_)) continue;
    return Answer{reply->sequence, std::move(reply->payload), message.came};
  }
  return std::nullopt;
}

std::optional<IcmpSocket::Refusal> IcmpSocket::next_refusal() const {
  Message message;
  while (message.receive(fd(), MSG_ERRQUEUE)) {
    const auto sequence = quoted_sequence(message.text());
    if (!message.error || !sequence) continue;
    return Refusal{*sequence, refusal_failure(static_cast<int>(message.error->ee_errno))};
  }
  return std::nullopt;
}

Failure refusal_failure(int error_number) {
  if (error_number == EMSGSIZE) return {kinds::Outcome::unreachable, EMSGSIZE};
  return connect_failure(error_number);
}

}  // namespace nospof::probes
