#include "system/conntrack.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof {

namespace {

struct Request {
  nlmsghdr header{};
  nfgenmsg family{};
};

UniqueFd open_socket() {
  UniqueFd socket(check("open a netlink socket to connection tracking",
                        ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)));
  const timeval patience{5, 0};
  check("SO_RCVTIMEO",
        ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
  return socket;
}

void send_request(int socket, int type, int flags) {
  Request request;
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = static_cast<std::uint16_t>((NFNL_SUBSYS_CTNETLINK << 8) | type);
  request.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  request.family.nfgen_family = AF_UNSPEC;
  request.family.version = NFNETLINK_V0;
  check("ask for tracked connections", ::send(socket, &request, sizeof request, 0));
}

ConntrackEntry entry_of(const nlmsghdr* message) {
  ConntrackEntry entry;
  const auto* bytes = reinterpret_cast<const unsigned char*>(message);
  std::size_t at = NLMSG_LENGTH(sizeof(nfgenmsg));
  while (at + sizeof(nlattr) <= message->nlmsg_len) {
    nlattr attribute{};
    std::memcpy(&attribute, bytes + at, sizeof attribute);
    if (attribute.nla_len < sizeof attribute || at + attribute.nla_len > message->nlmsg_len) break;
    std::uint32_t value = 0;
    if (attribute.nla_len >= sizeof attribute + sizeof value)
      std::memcpy(&value, bytes + at + sizeof attribute, sizeof value);
    const int type = attribute.nla_type & NLA_TYPE_MASK;
    if (type == CTA_ID) entry.id = ntohl(value);
    if (type == CTA_STATUS) entry.assured = (ntohl(value) & IPS_ASSURED) != 0;
    at += NLMSG_ALIGN(attribute.nla_len);
  }
  return entry;
}

// Calls back for each message until the kernel says that it was the last one.
template <typename Visit>
void read_answers(int socket, const char* attempt, Visit visit) {
  for (;;) {
    std::array<char, 65536> block{};
    const ssize_t n = check(attempt, ::recv(socket, block.data(), block.size(), 0));
    auto left = static_cast<unsigned>(n);
    for (auto* message = reinterpret_cast<nlmsghdr*>(block.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) return;
      if (message->nlmsg_type == NLMSG_ERROR) {
        nlmsgerr error{};
        std::memcpy(&error, NLMSG_DATA(message), sizeof error);
        if (error.error != 0) throw SystemError(attempt, -error.error);
        return;
      }
      visit(message);
    }
  }
}

}  // namespace

std::set<ConntrackEntry> conntrack_entries() {
  const UniqueFd socket = open_socket();
  send_request(socket.get(), IPCTNL_MSG_CT_GET, NLM_F_DUMP);
  std::set<ConntrackEntry> entries;
  read_answers(socket.get(), "read the table of tracked connections",
               [&](const nlmsghdr* message) { entries.insert(entry_of(message)); });
  return entries;
}

void flush_conntrack() {
  const UniqueFd socket = open_socket();
  send_request(socket.get(), IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
  read_answers(socket.get(), "delete all tracked connections", [](const nlmsghdr*) {});
}

std::int64_t conntrack_max() {
  return std::stoll(read_file("/proc/sys/net/netfilter/nf_conntrack_max"));
}

}  // namespace nospof
