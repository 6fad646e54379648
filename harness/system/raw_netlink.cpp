#include "system/raw_netlink.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "system/check.hpp"

namespace nospof {

namespace {

// The kernel answers at once; a socket that waits for ever would hang the agent.
constexpr int patience_ms = 2000;
constexpr std::size_t most_of_a_dump = 64 * 1024;
// An acknowledgement, an error in words, or one thing that was asked for.
constexpr std::size_t most_of_an_answer = 8 * 1024;
constexpr int most_dumps = 10;

std::size_t aligned(std::size_t size) {
  return (size + NLMSG_ALIGNTO - 1) & ~(static_cast<std::size_t>(NLMSG_ALIGNTO) - 1);
}

// The errno in an NLMSG_ERROR or in the end of a dump; 0: done.
int error_in(std::string_view payload) {
  const auto code = header_of<int>(payload);
  return code ? -*code : 0;
}

// What the kernel says to it, behind its copy of the request, if it has one there.
std::string words_in(std::uint16_t flags, std::string_view payload) {
  const auto error = header_of<nlmsgerr>(payload);
  if (!error || (flags & NLM_F_ACK_TLVS) == 0) return {};
  const bool whole = (flags & NLM_F_CAPPED) == 0 && error->msg.nlmsg_len > NLMSG_HDRLEN;
  const std::size_t copied = whole ? error->msg.nlmsg_len - NLMSG_HDRLEN : 0;
  const std::string text =
      attribute(payload, sizeof(nlmsgerr) + copied, NLMSGERR_ATTR_MSG).value_or("");
  return text.substr(0, text.find('\0'));
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

void each_message(std::string_view datagram,
                  const std::function<void(std::uint16_t, std::string_view)>& visit) {
  while (const auto head = header_of<nlmsghdr>(datagram)) {
    if (head->nlmsg_len < NLMSG_HDRLEN || head->nlmsg_len > datagram.size()) return;
    visit(head->nlmsg_type, datagram.substr(NLMSG_HDRLEN, head->nlmsg_len - NLMSG_HDRLEN));
    datagram.remove_prefix(std::min(aligned(head->nlmsg_len), datagram.size()));
  }
}

RawNetlink::RawNetlink(int protocol)
    : socket_(
          check("open a netlink socket", ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol))) {
  // The kernel then says in words what it does not like, and does not repeat the request, which
  // may be larger than the room for an answer. Older ones don't know how.
  const int on = 1;
  ::setsockopt(socket_.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  ::setsockopt(socket_.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
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

std::string_view RawNetlink::block(const std::string& attempt, char* room, std::size_t size) {
  for (;;) {
    // The answer is there when the request has been sent, as a rule.
    const ssize_t n = ::recv(socket_.get(), room, size, MSG_DONTWAIT | MSG_TRUNC);
    if (n >= 0 && static_cast<std::size_t>(n) > size) throw SystemError(attempt, EMSGSIZE);
    if (n >= 0) return {room, static_cast<std::size_t>(n)};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) throw SystemError(attempt, errno);
    pollfd entry{socket_.get(), POLLIN, 0};
    const int ready = ::poll(&entry, 1, patience_ms);
    if (ready == 0) throw SystemError(attempt, ETIMEDOUT);
    if (ready < 0 && errno != EINTR) throw SystemError(attempt, errno);
  }
}

template <typename Take>
void RawNetlink::receive(const std::string& attempt, std::uint32_t number, char* room,
                         std::size_t size, Take take) {
  for (;;) {
    std::string_view rest = block(attempt, room, size);
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
  const auto room = std::make_unique_for_overwrite<char[]>(most_of_a_dump);
  for (int round = 0; round < most_dumps; ++round) {
    std::vector<NetlinkMessage> found;
    bool interrupted = false;
    int failure = 0;
    receive(attempt, send(attempt, request, NLM_F_DUMP), room.get(), most_of_a_dump,
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
                        std::uint16_t flags, std::string* words) {
  int failure = 0;
  std::array<char, most_of_an_answer> room;
  receive(attempt, send(attempt, request, static_cast<std::uint16_t>(flags | NLM_F_ACK)),
          room.data(), room.size(),
          [&](std::uint16_t type, std::uint16_t answer_flags, std::string_view payload) {
            if (type != NLMSG_ERROR) return true;
            failure = error_in(payload);
            if (words != nullptr) *words = words_in(answer_flags, payload);
            return false;
          });
  return failure;
}

int RawNetlink::ask(const std::string& attempt, const NetlinkMessage& request,
                    NetlinkMessage& answer) {
  int failure = 0;
  std::array<char, most_of_an_answer> room;
  receive(attempt, send(attempt, request, 0), room.data(), room.size(),
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
