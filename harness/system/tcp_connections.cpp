#include "system/tcp_connections.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include "system/check.hpp"
#include "system/raw_netlink.hpp"

namespace nospof {

namespace {

// The kernel's include/net/tcp_states.h, which is no header for programs; netinet/tcp.h has them
// too, but not together with all of tcp_info.
constexpr unsigned tcp_established = 1;
constexpr unsigned tcp_close_wait = 8;
constexpr unsigned tcp_listen = 10;

constexpr std::size_t most_of_a_message = 64 * 1024;
/// Some thousand connections between one look and the next.
constexpr int room_for_news = 4 * 1024 * 1024;

std::string text_of(int family, const void* bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(family, bytes, text.data(), text.size()) != nullptr ? text.data() : "";
}

std::string address_text(int family, const __be32 (&address)[4]) {
  if (family == AF_INET) return text_of(AF_INET, &address[0]);
  constexpr std::uint32_t mapped = 0xffff;
  const bool is_ipv4 = address[0] == 0 && address[1] == 0 && ntohl(address[2]) == mapped;
  return is_ipv4 ? text_of(AF_INET, &address[3]) : text_of(AF_INET6, &address[0]);
}

// Kernels have ever more fields at the end; what an older one does not have stays 0.
std::uint64_t payload_bytes(std::string_view value) {
  tcp_info info{};
  value.copy(reinterpret_cast<char*>(&info), std::min(value.size(), sizeof info));
  // An end counts as a byte that was received; segments are counted only when they carry something.
  return (info.tcpi_data_segs_out > 0 ? info.tcpi_bytes_sent : 0) +
         (info.tcpi_data_segs_in > 0 ? info.tcpi_bytes_received : 0);
}

std::optional<TcpPhase> phase_of(unsigned state, bool ended) {
  if (ended) return TcpPhase::ended;
  if (state == tcp_listen) return TcpPhase::listening;
  if (state == tcp_established || state == tcp_close_wait) return TcpPhase::open;
  return std::nullopt;
}

}  // namespace

std::optional<TcpConnection> parse_tcp_connection(std::string_view payload, bool ended) {
  const auto head = header_of<inet_diag_msg>(payload);
  if (!head || (head->idiag_family != AF_INET && head->idiag_family != AF_INET6)) return {};
  const auto phase = phase_of(head->idiag_state, ended);
  if (!phase) return {};
  TcpConnection found;
  found.phase = *phase;
  found.local = address_text(head->idiag_family, head->id.idiag_src);
  found.remote = address_text(head->idiag_family, head->id.idiag_dst);
  found.local_port = ntohs(head->id.idiag_sport);
  found.remote_port = ntohs(head->id.idiag_dport);
  found.cookie =
      static_cast<std::uint64_t>(head->id.idiag_cookie[1]) << 32U | head->id.idiag_cookie[0];
  bool is_tcp = true;
  each_attribute(payload, sizeof(inet_diag_msg), [&](std::uint16_t type, std::string_view value) {
    if (type == INET_DIAG_INFO) found.bytes = payload_bytes(value);
    if (type == INET_DIAG_CGROUP_ID) found.cgroup = header_of<std::uint64_t>(value).value_or(0);
    if (type == INET_DIAG_PROTOCOL && value.size() == 1)
      is_tcp = static_cast<unsigned char>(value.front()) == IPPROTO_TCP;
  });
  if (!is_tcp) return {};
  return found;
}

std::vector<TcpConnection> tcp_connections() {
  std::vector<TcpConnection> found;
  RawNetlink netlink(NETLINK_SOCK_DIAG);
  for (const int family : {AF_INET, AF_INET6}) {
    inet_diag_req_v2 request{};
    request.sdiag_family = static_cast<__u8>(family);
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_ext = 1U << (INET_DIAG_INFO - 1);
    request.idiag_states = 1U << tcp_established | 1U << tcp_close_wait | 1U << tcp_listen;
    for (const NetlinkMessage& message :
         netlink.dump("list TCP connections", {SOCK_DIAG_BY_FAMILY, bytes_of(request)}))
      if (auto connection = parse_tcp_connection(message.payload, false))
        found.push_back(std::move(*connection));
  }
  return found;
}

EndedConnections::EndedConnections()
    : socket_(check("open a netlink socket",
                    ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG))) {
  // More than the limit for everybody, if allowed.
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room_for_news, sizeof room_for_news);
  // One without a number of its own is taken for the sender of what the kernel tells, and left out.
  const sockaddr_nl any{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  check("bind a netlink socket",
        ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any));
  for (const int group : {SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY})
    check("ask to be told of TCP connections that end",
          ::setsockopt(socket_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group));
}

std::vector<TcpConnection> EndedConnections::take(bool& lost) {
  std::vector<TcpConnection> told;
  const auto room = std::make_unique_for_overwrite<char[]>(most_of_a_message);
  for (;;) {
    const ssize_t n = ::recv(socket_.get(), room.get(), most_of_a_message, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == ENOBUFS) {
      lost = true;
      continue;
    }
    if (n < 0 && errno == EAGAIN) return told;
    check("read which TCP connections ended", n);
    each_message({room.get(), static_cast<std::size_t>(n)},
                 [&](std::uint16_t type, std::string_view payload) {
                   if (type != SOCK_DIAG_BY_FAMILY) return;
                   if (auto connection = parse_tcp_connection(payload, true))
                     told.push_back(std::move(*connection));
                 });
  }
}

}  // namespace nospof
