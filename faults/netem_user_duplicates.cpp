#include "faults/netem_user_duplicates.hpp"

#include <array>
#include <cstring>

#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/fsuid.h>
#include <sys/socket.h>

#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr int send_buffer = 16 << 20;

// The group that a socket is made with stays with it.
UniqueFd socket_of_group(std::uint32_t group) {
  const int before = ::setfsgid(group);
  UniqueFd made(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW));
  const int failure = errno;
  // It returns the group before: that is how success is seen.
  const bool changed = ::setfsgid(static_cast<gid_t>(before)) == static_cast<int>(group);
  if (!made) throw SystemError("open a raw socket for duplicates", failure);
  if (!changed) throw Error("netem: duplicates need the right to set groups (CAP_SETGID)");
  return made;
}

}  // namespace

DuplicateSender::DuplicateSender(std::uint32_t group) : socket_(socket_of_group(group)) {
  if (::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer, sizeof send_buffer) < 0)
    check("raw socket: SO_SNDBUF",
          ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer));
}

void DuplicateSender::send(std::string_view packet, std::uint32_t device,
                           std::uint32_t mark) const {
  ip header{};
  if (packet.size() < sizeof header) return;
  std::memcpy(&header, packet.data(), sizeof header);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr = header.ip_dst;

  iovec bytes{const_cast<char*>(packet.data()), packet.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(mark))>
      control{};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = sizeof to;
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = IPPROTO_IP;
  part->cmsg_type = IP_PKTINFO;
  part->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
  in_pktinfo by{};
  by.ipi_ifindex = static_cast<int>(device);
  std::memcpy(CMSG_DATA(part), &by, sizeof by);
  part = CMSG_NXTHDR(&message, part);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SO_MARK;
  part->cmsg_len = CMSG_LEN(sizeof mark);
  std::memcpy(CMSG_DATA(part), &mark, sizeof mark);
  [[maybe_unused]] const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
}

}  // namespace nospof::faults
