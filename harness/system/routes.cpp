#include "system/routes.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/route.h>

#include "system/check.hpp"
#include "system/raw_netlink.hpp"

namespace nospof {

namespace {

struct End {
  DeadEnd type;
  const char* name;
  std::uint8_t kernel_type;
  int error_number;
};
constexpr std::array ends{End{DeadEnd::blackhole, "blackhole", RTN_BLACKHOLE, EINVAL},
                          End{DeadEnd::unreachable, "unreachable", RTN_UNREACHABLE, EHOSTUNREACH},
                          End{DeadEnd::prohibit, "prohibit", RTN_PROHIBIT, EACCES}};

const End& end_of(DeadEnd type) {
  for (const End& end : ends)
    if (end.type == type) return end;
  throw Error("a dead end of an unknown type");
}

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using Socket = std::unique_ptr<nl_sock, Freed<nl_socket_free>>;
using Route = std::unique_ptr<rtnl_route, Freed<rtnl_route_put>>;
using Address = std::unique_ptr<nl_addr, Freed<nl_addr_put>>;
using Cache = std::unique_ptr<nl_cache, Freed<nl_cache_free>>;

void check_nl(const std::string& attempt, int result) {
  if (result < 0) throw Error(fmt::format("{}: {}", attempt, nl_geterror(result)));
}

Socket connected() {
  Socket socket(nl_socket_alloc());
  if (!socket) throw Error("netlink socket: out of memory");
  check_nl("open a route netlink socket", nl_connect(socket.get(), NETLINK_ROUTE));
  return socket;
}

Route made(const DeadRoute& wanted) {
  Route route(rtnl_route_alloc());
  nl_addr* parsed = nullptr;
  check_nl(fmt::format("read prefix '{}'", wanted.prefix),
           nl_addr_parse(wanted.prefix.c_str(), AF_INET, &parsed));
  const Address destination(parsed);
  if (!route) throw Error("route: out of memory");
  check_nl("route", rtnl_route_set_family(route.get(), AF_INET));
  check_nl("route", rtnl_route_set_dst(route.get(), parsed));
  check_nl("route", rtnl_route_set_type(route.get(), end_of(wanted.type).kernel_type));
  rtnl_route_set_table(route.get(), RT_TABLE_MAIN);
  rtnl_route_set_protocol(route.get(), own_route_protocol);
  rtnl_route_set_scope(route.get(), RT_SCOPE_UNIVERSE);
  return route;
}

std::string describe(const DeadRoute& route) {
  return fmt::format("{} route to {}", name_of(route.type), route.prefix);
}

}  // namespace

DeadEnd dead_end_of(const std::string& name) {
  for (const End& end : ends)
    if (name == end.name) return end.type;
  throw Error(fmt::format("'{}' is no type of route that leads nowhere", name));
}

const char* name_of(DeadEnd type) {
  return end_of(type).name;
}

int errno_of(DeadEnd type) {
  return end_of(type).error_number;
}

std::string checked_prefix(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  in_addr parsed{};
  unsigned length = 32;
  bool valid = ::inet_pton(AF_INET, address.c_str(), &parsed) == 1;
  if (slash != std::string::npos) {
    const char* last = text.data() + text.size();
    const auto [end, failure] = std::from_chars(text.data() + slash + 1, last, length);
    valid = valid && failure == std::errc() && end == last && length >= 1 && length <= 32;
  }
  if (!valid)
    throw Error(fmt::format("'{}' is no IPv4 address or prefix such as 198.18.0.0/24", text));
  const std::uint32_t beyond = length == 32 ? 0 : 0xffffffffU >> length;
  if ((ntohl(parsed.s_addr) & beyond) != 0)
    throw Error(fmt::format("'{}' has bits set beyond its prefix", text));
  return fmt::format("{}/{}", address, length);
}

void add_dead_route(const DeadRoute& route) {
  // Neither EXCL nor APPEND: in front of another route to the same prefix.
  check_nl("add " + describe(route),
           rtnl_route_add(connected().get(), made(route).get(), NLM_F_CREATE));
}

bool delete_dead_route(const DeadRoute& route) {
  const int result = rtnl_route_delete(connected().get(), made(route).get(), 0);
  if (result == -NLE_OBJ_NOTFOUND) return false;
  check_nl("delete " + describe(route), result);
  return true;
}

std::vector<DeadRoute> dead_routes() {
  const Socket socket = connected();
  nl_cache* raw = nullptr;
  check_nl("list routes", rtnl_route_alloc_cache(socket.get(), AF_INET, 0, &raw));
  const Cache cache(raw);
  std::vector<DeadRoute> found;
  for (nl_object* object = nl_cache_get_first(raw); object != nullptr;
       object = nl_cache_get_next(object)) {
    auto* route = reinterpret_cast<rtnl_route*>(object);
    nl_addr* destination = rtnl_route_get_dst(route);
    if (rtnl_route_get_protocol(route) != own_route_protocol || destination == nullptr) continue;
    for (const End& end : ends) {
      if (end.kernel_type != rtnl_route_get_type(route)) continue;
      std::array<char, 64> text{};
      // libnl leaves the prefix out of a full-length address.
      found.push_back(
          {checked_prefix(nl_addr2str(destination, text.data(), text.size())), end.type});
    }
  }
  return found;
}

int route_errno(const std::string& address) {
  in_addr to{};
  if (::inet_pton(AF_INET, address.c_str(), &to) != 1)
    throw Error(fmt::format("'{}' is no IPv4 address", address));
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = 32;
  NetlinkMessage request{RTM_GETROUTE, bytes_of(header)};
  append_attribute(request.payload, RTA_DST, bytes_of(to));
  NetlinkMessage answer;
  return RawNetlink(NETLINK_ROUTE).ask("ask for a route to " + address, request, answer);
}

std::vector<std::string> other_routes() {
  std::vector<std::string> found;
  for (const NetlinkMessage& route :
       RawNetlink(NETLINK_ROUTE).dump("list routes", {RTM_GETROUTE, bytes_of(rtmsg{})})) {
    const auto header = header_of<rtmsg>(route.payload);
    if (!header || header->rtm_protocol == own_route_protocol) continue;
    found.push_back(without_attributes(route.payload, sizeof *header, {RTA_CACHEINFO}));
  }
  return found;
}

}  // namespace nospof
