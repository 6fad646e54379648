#include "system/netfilter.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "system/check.hpp"

namespace nospof {

namespace {

constexpr int patience_ms = 2000;

constexpr std::size_t aligned(std::size_t size) {
  return (size + NLA_ALIGNTO - 1) / NLA_ALIGNTO * NLA_ALIGNTO;
}

template <typename Header>
void append(std::string& bytes, const Header& header) {
  bytes.append(reinterpret_cast<const char*>(&header), sizeof header);
}

}  // namespace

void NetfilterMessages::begin(unsigned subsystem, unsigned number, unsigned family, unsigned flags,
                              std::uint16_t resource) {
  message_ = bytes_.size();
  ++count_;
  nlmsghdr header{};
  header.nlmsg_type = static_cast<std::uint16_t>(subsystem << 8U | number);
  header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  append(bytes_, header);
  nfgenmsg generic{};
  generic.nfgen_family = static_cast<std::uint8_t>(family);
  generic.version = NFNETLINK_V0;
  generic.res_id = htons(resource);
  append(bytes_, generic);
  fit_message();
}

void NetfilterMessages::attribute(std::uint16_t type, std::string_view value) {
  append(bytes_, nlattr{static_cast<std::uint16_t>(NLA_HDRLEN + value.size()), type});
  bytes_ += value;
  bytes_.resize(aligned(bytes_.size()));
  fit_message();
}

void NetfilterMessages::text(std::uint16_t type, std::string_view value) {
  std::string terminated(value);
  terminated.push_back('\0');
  attribute(type, terminated);
}

void NetfilterMessages::number32(std::uint16_t type, std::uint32_t value) {
  const std::uint32_t big = htonl(value);
  attribute(type, std::string_view(reinterpret_cast<const char*>(&big), sizeof big));
}

void NetfilterMessages::nest(std::uint16_t type) {
  open_.push_back(bytes_.size());
  attribute(static_cast<std::uint16_t>(type | NLA_F_NESTED), {});
}

void NetfilterMessages::end() {
  const std::size_t start = open_.back();
  open_.pop_back();
  const auto size = static_cast<std::uint16_t>(bytes_.size() - start);
  std::memcpy(bytes_.data() + start, &size, sizeof size);
}

void NetfilterMessages::clear() {
  bytes_.clear();
  count_ = 0;
  message_ = 0;
}

void NetfilterMessages::acknowledge_last() {
  nlmsghdr header{};
  std::memcpy(&header, bytes_.data() + message_, sizeof header);
  header.nlmsg_flags |= NLM_F_ACK;
  std::memcpy(bytes_.data() + message_, &header, sizeof header);
}

void NetfilterMessages::wrap(std::string_view before, std::string_view behind) {
  bytes_.insert(0, before);
  message_ = bytes_.size();
  bytes_ += behind;
}

void NetfilterMessages::fit_message() {
  const auto size = static_cast<std::uint32_t>(bytes_.size() - message_);
  std::memcpy(bytes_.data() + message_, &size, sizeof size);
}

NetfilterSocket::NetfilterSocket()
    : socket_(check("open a netlink socket to the packet filter",
                    ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER))) {
  sockaddr_nl any{};
  any.nl_family = AF_NETLINK;
  check("bind a netlink socket",
        ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any));
}

// A message that is larger than the socket's buffer is refused. The kernel doubles what is set.
void NetfilterSocket::make_room_for(std::size_t size) {
  constexpr std::size_t usual = 64 * 1024;
  if (size <= usual) return;
  const int wanted = static_cast<int>(std::min<std::size_t>(size, 64U << 20U));
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted);
}

void NetfilterSocket::send(std::string_view attempt, const NetfilterMessages& messages) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const std::string_view bytes = messages.bytes();
  make_room_for(bytes.size());
  check(attempt, ::sendto(socket_.get(), bytes.data(), bytes.size(), 0,
                          reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel));
}

void NetfilterSocket::execute(std::string_view attempt, const NetfilterMessages& messages) {
  send(attempt, messages);
  std::array<char, 8192> block;
  for (;;) {
    // The answer is there when the request has been sent, as a rule.
    const ssize_t received = ::recv(socket_.get(), block.data(), block.size(), MSG_DONTWAIT);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) {
      pollfd entry{socket_.get(), POLLIN, 0};
      const int ready = ::poll(&entry, 1, patience_ms);
      if (ready == 0) throw SystemError(attempt, ETIMEDOUT);
      if (ready < 0 && errno != EINTR) throw SystemError(attempt, errno);
      continue;
    }
    if (received < 0) throw SystemError(attempt, errno);
    nlmsghdr header{};
    nlmsgerr answer{};
    if (static_cast<std::size_t>(received) < sizeof header + sizeof answer) continue;
    std::memcpy(&header, block.data(), sizeof header);
    if (header.nlmsg_type != NLMSG_ERROR) continue;
    std::memcpy(&answer, block.data() + sizeof header, sizeof answer);
    if (answer.error != 0) throw SystemError(attempt, -answer.error);
    return;
  }
}

void NetfilterSocket::transaction(std::string_view attempt, const NetfilterMessages& commands) {
  NetfilterMessages edge;
  edge.begin(0, NFNL_MSG_BATCH_BEGIN, AF_UNSPEC, 0, NFNL_SUBSYS_NFTABLES);
  const std::string first(edge.bytes());
  edge.clear();
  edge.begin(0, NFNL_MSG_BATCH_END, AF_UNSPEC, 0, NFNL_SUBSYS_NFTABLES);
  NetfilterMessages whole = commands;
  whole.wrap(first, edge.bytes());
  execute(attempt, whole);
}

}  // namespace nospof
