#include "system/raw_netlink.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "system/check.hpp"

namespace nospof {

namespace {

// The kernel answers at once; a socket that waits for ever would hang the agent.
constexpr timeval patience{2, 0};
constexpr std::size_t block_size = 64 * 1024;
constexpr int most_dumps = 10;

std::size_t aligned(std::size_t size) {
  return (size + NLMSG_ALIGNTO - 1) & ~(static_cast<std::size_t>(NLMSG_ALIGNTO) - 1);
}

// The errno in an NLMSG_ERROR or in the end of a dump; 0: done.
int error_in(std::string_view payload) {
  const auto code = header_of<int>(payload);
  return code ? -*code : 0;
}

}  // namespace

void append_attribute(std::string& payload, std::uint16_t type, std::string_view value) {
  payload.resize(aligned(payload.size()));
  payload += bytes_of(nlattr{static_cast<std::uint16_t>(NLA_HDRLEN + value.size()), type});
  payload += value;
  payload.resize(aligned(payload.size()));
}

void each_attribute(std::string_view payload, std::size_t header_size,
                    const std::function<void(std::uint16_t, std::string_view)>& visit) {
  payload.remove_prefix(std::min(aligned(header_size), payload.size()));
  while (const auto head = header_of<nlattr>(payload)) {
    if (head->nla_len < NLA_HDRLEN || head->nla_len > payload.size()) return;
    visit(static_cast<std::uint16_t>(head->nla_type & NLA_TYPE_MASK),
          payload.substr(NLA_HDRLEN, head->nla_len - NLA_HDRLEN));
    payload.remove_prefix(std::min(aligned(head->nla_len), payload.size()));
  }
}

std::optional<std::string> attribute(std::string_view payload, std::size_t header_size,
                                     std::uint16_t type) {
  std::optional<std::string> found;
  each_attribute(payload, header_size, [&](std::uint16_t each, std::string_view value) {
    if (each == type && !found) found = std::string(value);
  });
  return found;
}

std::string without_attributes(std::string_view payload, std::size_t header_size,
                               const std::vector<std::uint16_t>& types) {
  std::string kept(payload.substr(0, std::min(aligned(header_size), payload.size())));
  each_attribute(payload, header_size, [&](std::uint16_t type, std::string_view value) {
    if (std::find(types.begin(), types.end(), type) == types.end())
      append_attribute(kept, type, value);
  });
  return kept;
}

RawNetlink::RawNetlink(int protocol)
    : socket_(check(fmt::format("open a netlink socket of protocol {}", protocol),
                    ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol))) {
  check("netlink socket: SO_RCVTIMEO",
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
}

std::uint32_t RawNetlink::send(const std::string& attempt, const NetlinkMessage& request,
                               std::uint16_t flags) {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_HDRLEN + request.payload.size());
  header.nlmsg_type = request.type;
  header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  header.nlmsg_seq = ++last_number_;
  const std::string bytes = bytes_of(header) + request.payload;
  check(attempt, ::send(socket_.get(), bytes.data(), bytes.size(), 0));
  return last_number_;
}

void RawNetlink::receive(
    const std::string& attempt, std::uint32_t number,
    const std::function<bool(std::uint16_t, std::uint16_t, std::string_view)>& take) {
  std::string block(block_size, '\0');
  for (;;) {
    const ssize_t n = ::recv(socket_.get(), block.data(), block.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    std::string_view rest(block.data(), static_cast<std::size_t>(check(attempt, n)));
    while (const auto header = header_of<nlmsghdr>(rest)) {
      if (header->nlmsg_len < NLMSG_HDRLEN || header->nlmsg_len > rest.size()) break;
      const bool ours = header->nlmsg_seq == number;
      if (ours && !take(header->nlmsg_type, header->nlmsg_flags,
                        rest.substr(NLMSG_HDRLEN, header->nlmsg_len - NLMSG_HDRLEN)))
        return;
      rest.remove_prefix(std::min(aligned(header->nlmsg_len), rest.size()));
    }
  }
}

std::vector<NetlinkMessage> RawNetlink::dump(const std::string& attempt,
                                             const NetlinkMessage& request) {
  for (int round = 0; round < most_dumps; ++round) {
    std::vector<NetlinkMessage> found;
    bool interrupted = false;
    int failure = 0;
    receive(attempt, send(attempt, request, NLM_F_DUMP),
            [&](std::uint16_t type, std::uint16_t flags, std::string_view payload) {
              interrupted = interrupted || (flags & NLM_F_DUMP_INTR) != 0;
              if (type == NLMSG_DONE || type == NLMSG_ERROR) {
                failure = error_in(payload);
                return false;
              }
              if (type != NLMSG_NOOP) found.push_back({type, std::string(payload)});
              return true;
            });
    if (failure != 0) throw SystemError(attempt, failure);
    if (!interrupted) return found;
  }
  throw Error(fmt::format("{}: it changes faster than it can be read", attempt));
}

int RawNetlink::execute(const std::string& attempt, const NetlinkMessage& request,
                        std::uint16_t flags) {
  int failure = 0;
  receive(attempt, send(attempt, request, static_cast<std::uint16_t>(flags | NLM_F_ACK)),
          [&](std::uint16_t type, std::uint16_t, std::string_view payload) {
            if (type != NLMSG_ERROR) return true;
            failure = error_in(payload);
            return false;
          });
  return failure;
}

int RawNetlink::ask(const std::string& attempt, const NetlinkMessage& request,
                    NetlinkMessage& answer) {
  int failure = 0;
  receive(attempt, send(attempt, request, 0),
          [&](std::uint16_t type, std::uint16_t, std::string_view payload) {
            if (type == NLMSG_ERROR)
              failure = error_in(payload);
            else
              answer = {type, std::string(payload)};
            return false;
          });
  return failure;
}

}  // namespace nospof
