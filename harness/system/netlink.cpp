#include "system/netlink.hpp"

#include <array>

#include <fmt/format.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/addr.h>
#include <netlink/cache.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <sched.h>

#include "system/check.hpp"
#include "system/namespaces.hpp"

namespace nospof {

namespace {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using LinkObject = std::unique_ptr<rtnl_link, Freed<rtnl_link_put>>;
using AddressObject = std::unique_ptr<rtnl_addr, Freed<rtnl_addr_put>>;
using AddressValue = std::unique_ptr<nl_addr, Freed<nl_addr_put>>;
using Cache = std::unique_ptr<nl_cache, Freed<nl_cache_free>>;
using Message = std::unique_ptr<nl_msg, Freed<nlmsg_free>>;

// libnl returns its own negative numbers, not errno.
void check_nl(const std::string& attempt, int result) {
  if (result < 0) throw Error(fmt::format("{}: {}", attempt, nl_geterror(result)));
}

template <typename T>
T* check_made(const char* what, T* object) {
  if (object == nullptr) throw Error(fmt::format("{}: out of memory", what));
  return object;
}

AddressValue parse_address(const std::string& text, int family) {
  nl_addr* value = nullptr;
  check_nl(fmt::format("read address '{}'", text), nl_addr_parse(text.c_str(), family, &value));
  return AddressValue(value);
}

std::string address_text(nl_addr* address) {
  if (address == nullptr) return {};
  std::array<char, 128> buffer{};
  return nl_addr2str(address, buffer.data(), buffer.size());
}

void check_name(const std::string& name) {
  if (name.empty() || name.size() >= IF_NAMESIZE)
    throw Error(fmt::format("'{}' can't be the name of a network device: 1 to {} characters", name,
                            IF_NAMESIZE - 1));
}

template <typename Visit>
void for_each_object(nl_cache* cache, Visit visit) {
  for (nl_object* object = nl_cache_get_first(cache); object != nullptr;
       object = nl_cache_get_next(object))
    visit(object);
}

}  // namespace

void Netlink::Free::operator()(nl_sock* socket) const noexcept {
  nl_socket_free(socket);
}

Netlink::Netlink() : socket_(check_made("netlink socket", nl_socket_alloc())) {
  check_nl("open a route netlink socket", nl_connect(socket_.get(), NETLINK_ROUTE));
}

Netlink Netlink::in(int network_namespace_fd) {
  std::unique_ptr<Netlink> made;
  in_namespaces({{network_namespace_fd, CLONE_NEWNET}}, [&made] { made.reset(new Netlink()); });
  return std::move(*made);
}

// libnl 3.7 can't set these options of a bridge, so the message is put together by hand.
void Netlink::add_bridge(const std::string& name) {
  check_name(name);
  const Message message(
      check_made("netlink message",
                 nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL)));
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  const std::string attempt = fmt::format("add bridge {}", name);
  check_nl(attempt, nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO));
  check_nl(attempt, nla_put_string(message.get(), IFLA_IFNAME, name.c_str()));
  nlattr* info = check_made("attribute", nla_nest_start(message.get(), IFLA_LINKINFO));
  check_nl(attempt, nla_put_string(message.get(), IFLA_INFO_KIND, "bridge"));
  nlattr* data = check_made("attribute", nla_nest_start(message.get(), IFLA_INFO_DATA));
  check_nl(attempt, nla_put_u32(message.get(), IFLA_BR_FORWARD_DELAY, 0));
  check_nl(attempt, nla_put_u32(message.get(), IFLA_BR_STP_STATE, 0));
  check_nl(attempt, nla_put_u8(message.get(), IFLA_BR_MCAST_SNOOPING, 0));
  nla_nest_end(message.get(), data);
  nla_nest_end(message.get(), info);
  check_nl(attempt, nl_send_auto(socket_.get(), message.get()));
  check_nl(attempt, nl_wait_for_ack(socket_.get()));
}

void Netlink::add_veth(const VethPair& pair) {
  check_name(pair.name);
  check_name(pair.peer_name);
  const std::string attempt = fmt::format("add veth {} with peer {}", pair.name, pair.peer_name);
  const LinkObject link(check_made("link", rtnl_link_veth_alloc()));
  rtnl_link_set_name(link.get(), pair.name.c_str());
  rtnl_link_set_flags(link.get(), IFF_UP);
  if (!pair.master.empty()) rtnl_link_set_master(link.get(), index_of(pair.master));
  const LinkObject peer(check_made("link", rtnl_link_veth_get_peer(link.get())));
  rtnl_link_set_name(peer.get(), pair.peer_name.c_str());
  if (!pair.peer_mac.empty())
    rtnl_link_set_addr(peer.get(), parse_address(pair.peer_mac, AF_LLC).get());
  if (pair.peer_namespace_fd >= 0) rtnl_link_set_ns_fd(peer.get(), pair.peer_namespace_fd);
  check_nl(attempt, rtnl_link_add(socket_.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL));
}

void Netlink::add_address(const std::string& link, const std::string& address) {
  const AddressObject object(check_made("address", rtnl_addr_alloc()));
  rtnl_addr_set_ifindex(object.get(), index_of(link));
  const AddressValue local = parse_address(address, AF_UNSPEC);
  const std::string attempt = fmt::format("add address {} to {}", address, link);
  check_nl(attempt, rtnl_addr_set_local(object.get(), local.get()));
  check_nl(attempt, rtnl_addr_add(socket_.get(), object.get(), 0));
}

void Netlink::set_up(const std::string& link, bool up) {
  const LinkObject wanted(check_made("link", rtnl_link_alloc()));
  rtnl_link_set_ifindex(wanted.get(), index_of(link));
  const LinkObject change(check_made("link", rtnl_link_alloc()));
  if (up)
    rtnl_link_set_flags(change.get(), IFF_UP);
  else
    rtnl_link_unset_flags(change.get(), IFF_UP);
  check_nl(fmt::format("set {} {}", link, up ? "up" : "down"),
           rtnl_link_change(socket_.get(), wanted.get(), change.get(), 0));
}

void Netlink::set_master(const std::string& port, const std::string& bridge) {
  const int index = index_of(port);
  if (bridge.empty())
    check_nl(fmt::format("take {} out of its bridge", port),
             rtnl_link_release_ifindex(socket_.get(), index));
  else
    check_nl(fmt::format("make {} a port of {}", port, bridge),
             rtnl_link_enslave_ifindex(socket_.get(), index_of(bridge), index));
}

bool Netlink::is_port(const std::string& link) {
  rtnl_link* found = nullptr;
  check_nl(fmt::format("find link {}", link),
           rtnl_link_get_kernel(socket_.get(), 0, link.c_str(), &found));
  const LinkObject owner(found);
  return rtnl_link_get_master(found) != 0;
}

bool Netlink::delete_link(const std::string& link) {
  const LinkObject wanted(check_made("link", rtnl_link_alloc()));
  rtnl_link_set_name(wanted.get(), link.c_str());
  const int result = rtnl_link_delete(socket_.get(), wanted.get());
  if (result == -NLE_NODEV || result == -NLE_OBJ_NOTFOUND) return false;
  check_nl(fmt::format("delete link {}", link), result);
  return true;
}

int Netlink::index_of(const std::string& link) {
  rtnl_link* found = nullptr;
  check_nl(fmt::format("find link {}", link),
           rtnl_link_get_kernel(socket_.get(), 0, link.c_str(), &found));
  const LinkObject owner(found);
  return rtnl_link_get_ifindex(found);
}

bool Netlink::has_link(const std::string& link) {
  rtnl_link* found = nullptr;
  const int result = rtnl_link_get_kernel(socket_.get(), 0, link.c_str(), &found);
  const LinkObject owner(found);
  if (result == -NLE_NODEV || result == -NLE_OBJ_NOTFOUND) return false;
  check_nl(fmt::format("find link {}", link), result);
  return true;
}

std::vector<LinkInfo> Netlink::links() {
  nl_cache* raw = nullptr;
  check_nl("list links", rtnl_link_alloc_cache(socket_.get(), AF_UNSPEC, &raw));
  const Cache cache(raw);
  std::vector<LinkInfo> result;
  for_each_object(raw, [&result](nl_object* object) {
    auto* link = reinterpret_cast<rtnl_link*>(object);
    LinkInfo info;
    info.index = rtnl_link_get_ifindex(link);
    info.name = rtnl_link_get_name(link);
    const char* kind = rtnl_link_get_type(link);
    info.kind = kind != nullptr ? kind : "";
    info.mac = address_text(rtnl_link_get_addr(link));
    info.master = rtnl_link_get_master(link);
    info.up = (rtnl_link_get_flags(link) & IFF_UP) != 0;
    result.push_back(std::move(info));
  });
  return result;
}

std::vector<AddressInfo> Netlink::addresses() {
  nl_cache* raw = nullptr;
  check_nl("list addresses", rtnl_addr_alloc_cache(socket_.get(), &raw));
  const Cache cache(raw);
  std::vector<LinkInfo> known = links();
  std::vector<AddressInfo> result;
  for_each_object(raw, [&](nl_object* object) {
    auto* address = reinterpret_cast<rtnl_addr*>(object);
    AddressInfo info;
    for (const LinkInfo& link : known)
      if (link.index == rtnl_addr_get_ifindex(address)) info.link = link.name;
    nl_addr* local = rtnl_addr_get_local(address);
    info.address = address_text(local);
    // libnl leaves the prefix out of a full-length address.
    if (info.address.find('/') == std::string::npos)
      info.address += fmt::format("/{}", rtnl_addr_get_prefixlen(address));
    result.push_back(std::move(info));
  });
  return result;
}

std::vector<RouteInfo> Netlink::routes() {
  nl_cache* raw = nullptr;
  check_nl("list routes", rtnl_route_alloc_cache(socket_.get(), AF_UNSPEC, 0, &raw));
  const Cache cache(raw);
  std::vector<LinkInfo> known = links();
  std::vector<RouteInfo> result;
  for_each_object(raw, [&](nl_object* object) {
    auto* route = reinterpret_cast<rtnl_route*>(object);
    RouteInfo info;
    nl_addr* destination = rtnl_route_get_dst(route);
    info.destination = destination == nullptr || nl_addr_get_prefixlen(destination) == 0
                           ? "default"
                           : address_text(destination);
    info.table = rtnl_route_get_table(route);
    info.type = rtnl_route_get_type(route);
    rtnl_nexthop* hop =
        rtnl_route_get_nnexthops(route) > 0 ? rtnl_route_nexthop_n(route, 0) : nullptr;
    if (hop != nullptr) {
      info.gateway = address_text(rtnl_route_nh_get_gateway(hop));
      for (const LinkInfo& link : known)
        if (link.index == rtnl_route_nh_get_ifindex(hop)) info.link = link.name;
    }
    result.push_back(std::move(info));
  });
  return result;
}

}  // namespace nospof
