#include "system/address_watch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "system/check.hpp"

namespace nospof {

namespace {

constexpr std::size_t most_at_once = 32 * 1024;

UniqueFd subscribe() {
  UniqueFd socket(
      check("open a netlink socket",
            ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)));
  sockaddr_nl group{};
  group.nl_family = AF_NETLINK;
  group.nl_groups = RTMGRP_IPV4_IFADDR;
  check("listen to changes of addresses",
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&group), sizeof group));
  return socket;
}

}  // namespace

AddressWatch::AddressWatch(in_addr address)
    : address_(address), told_(subscribe()), asking_(NETLINK_ROUTE) {}

std::optional<AddressPlace> AddressWatch::place_in(std::string_view payload) const {
  const auto head = header_of<ifaddrmsg>(payload);
  if (!head || head->ifa_family != AF_INET) return std::nullopt;
  const auto local = attribute(payload, sizeof *head, IFA_LOCAL);
  if (local != bytes_of(address_)) return std::nullopt;
  return AddressPlace{static_cast<int>(head->ifa_index), head->ifa_prefixlen};
}

std::optional<AddressWatch::Change> AddressWatch::next() {
  std::array<char, most_at_once> room;
  while (waiting_.empty()) {
    const ssize_t n = ::recv(told_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == ENOBUFS)) continue;
    if (n < 0 && errno == EAGAIN) return std::nullopt;
    check("read changes of addresses", n);
    std::string_view rest(room.data(), static_cast<std::size_t>(n));
    while (const auto head = header_of<nlmsghdr>(rest)) {
      if (head->nlmsg_len < NLMSG_HDRLEN || head->nlmsg_len > rest.size()) break;
      const auto place =
          place_in(rest.substr(NLMSG_HDRLEN, std::size_t{head->nlmsg_len} - NLMSG_HDRLEN));
      if (place && (head->nlmsg_type == RTM_NEWADDR || head->nlmsg_type == RTM_DELADDR))
        waiting_.push_back({head->nlmsg_type == RTM_NEWADDR, *place});
      rest.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(head->nlmsg_len), rest.size()));
    }
  }
  const Change change = waiting_.front();
  waiting_.pop_front();
  return change;
}

std::set<AddressPlace> AddressWatch::ask() {
  ifaddrmsg request{};
  request.ifa_family = AF_INET;
  std::set<AddressPlace> places;
  for (const NetlinkMessage& each :
       asking_.dump("list addresses", {RTM_GETADDR, bytes_of(request)}))
    if (const auto place = place_in(each.payload); place && each.type == RTM_NEWADDR)
      places.insert(*place);
  return places;
}

}  // namespace nospof
