#include "system/tcp_sockets.hpp"

#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>

#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/namespaces.hpp"
#include "system/raw_netlink.hpp"

namespace nospof {

namespace {

std::string id_bytes(const inet_diag_sockid& id) {
  return bytes_of(id);
}

// Dotted; empty for an IPv6 address that holds no IPv4 address.
std::string ipv4_text(int family, const __be32 (&address)[4]) {
  constexpr std::uint32_t mapped = 0xffff;
  const bool any = address[0] == 0 && address[1] == 0 && address[2] == 0 && address[3] == 0;
  const bool is_mapped = address[0] == 0 && address[1] == 0 && ntohl(address[2]) == mapped;
  if (family == AF_INET6 && !any && !is_mapped) return {};
  std::array<char, INET_ADDRSTRLEN> text{};
  const void* bytes = family == AF_INET ? &address[0] : &address[3];
  if (::inet_ntop(AF_INET, bytes, text.data(), text.size()) == nullptr) return {};
  return text.data();
}

inet_diag_req_v2 request_for(int family) {
  inet_diag_req_v2 request{};
  request.sdiag_family = static_cast<__u8>(family);
  request.sdiag_protocol = IPPROTO_TCP;
  request.idiag_states = 1U << TCP_ESTABLISHED | 1U << TCP_LISTEN;
  return request;
}

}  // namespace

std::vector<TcpSocket> tcp_sockets() {
  std::vector<TcpSocket> found;
  for (const int family : {AF_INET, AF_INET6}) {
    const auto messages =
        RawNetlink(NETLINK_SOCK_DIAG)
            .dump("list TCP sockets", {SOCK_DIAG_BY_FAMILY, bytes_of(request_for(family))});
    for (const NetlinkMessage& message : messages) {
      const auto info = header_of<inet_diag_msg>(message.payload);
      if (!info) continue;
      TcpSocket socket;
      socket.family = family;
      socket.local = ipv4_text(family, info->id.idiag_src);
      socket.remote = ipv4_text(family, info->id.idiag_dst);
      if (socket.local.empty()) continue;
      socket.local_port = ntohs(info->id.idiag_sport);
      socket.remote_port = ntohs(info->id.idiag_dport);
      socket.listening = info->idiag_state == TCP_LISTEN;
      socket.cookie =
          static_cast<std::uint64_t>(info->id.idiag_cookie[1]) << 32U | info->id.idiag_cookie[0];
      socket.id = id_bytes(info->id);
      found.push_back(std::move(socket));
    }
  }
  return found;
}

bool destroy_socket(const TcpSocket& socket) {
  inet_diag_req_v2 request = request_for(socket.family);
  const auto id = header_of<inet_diag_sockid>(socket.id);
  if (!id) throw Error("a TCP socket without its id");
  request.id = *id;
  const std::string attempt = fmt::format("end the connection {}:{} - {}:{}", socket.local,
                                          socket.local_port, socket.remote, socket.remote_port);
  const int failure =
      RawNetlink(NETLINK_SOCK_DIAG).execute(attempt, {SOCK_DESTROY, bytes_of(request)}, 0);
  if (failure == ENOENT || failure == ESTALE) return false;
  if (failure == EOPNOTSUPP)
    throw MissingCapability(attempt + ": the kernel has no CONFIG_INET_DIAG_DESTROY");
  if (failure != 0) throw SystemError(attempt, failure);
  return true;
}

bool can_destroy_sockets() {
  const UniqueFd apart = create_network_namespace();
  bool can = false;
  in_namespaces({{apart.get(), CLONE_NEWNET}}, [&can] {
    const UniqueFd listener(
        check("open a TCP socket", ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    check("listen", ::listen(listener.get(), 1));
    for (const TcpSocket& socket : tcp_sockets()) try {
        can = destroy_socket(socket) || can;
      } catch (const std::exception&) {
        can = false;
      }
  });
  return can;
}

}  // namespace nospof
