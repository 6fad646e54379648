#include "system/link_state.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "system/check.hpp"

namespace nospof {

namespace {

using Messages = std::vector<NetlinkMessage>;

template <typename Header>
Header head(const NetlinkMessage& message) {
  const auto header = header_of<Header>(message.payload);
  if (!header) throw Error("netlink: a message is shorter than its header");
  return *header;
}

template <typename Header>
void set_head(NetlinkMessage& message, const Header& header) {
  std::memcpy(message.payload.data(), &header, sizeof header);
}

template <typename Header>
std::optional<int> number_in(const NetlinkMessage& message, std::uint16_t type) {
  const auto value = attribute(message.payload, sizeof(Header), type);
  return value ? header_of<int>(*value) : std::nullopt;
}

template <typename Header>
Messages dump(RawNetlink& net, const std::string& what, std::uint16_t type, Header header) {
  return net.dump("list " + what, {type, bytes_of(header)});
}

std::string address_text(int family, const std::optional<std::string>& bytes) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  const std::size_t size = family == AF_INET6 ? sizeof(in6_addr) : sizeof(in_addr);
  if (!bytes || bytes->size() != size ||
      ::inet_ntop(family, bytes->data(), buffer.data(), buffer.size()) == nullptr)
    return "?";
  return buffer.data();
}

std::string text_of_route(const NetlinkMessage& message) {
  const auto header = head<rtmsg>(message);
  const auto part = [&](std::uint16_t type) {
    return attribute(message.payload, sizeof header, type);
  };
  std::string text =
      header.rtm_dst_len == 0
          ? "route default"
          : fmt::format("route {}/{}", address_text(header.rtm_family, part(RTA_DST)),
                        header.rtm_dst_len);
  if (const auto gateway = part(RTA_GATEWAY))
    text += " via " + address_text(header.rtm_family, gateway);
  return text;
}

std::string text_of(const NetlinkMessage& message) {
  if (message.type == RTM_NEWROUTE) return text_of_route(message);
  if (message.type == RTM_NEWADDR) {
    const auto header = head<ifaddrmsg>(message);
    return fmt::format(
        "address {}/{}",
        address_text(header.ifa_family, attribute(message.payload, sizeof header, IFA_ADDRESS)),
        header.ifa_prefixlen);
  }
  const auto header = head<ndmsg>(message);
  return "neighbour " +
         address_text(header.ndm_family, attribute(message.payload, sizeof header, NDA_DST));
}

// Routes: without what changes by itself, so that two of them can be compared and added again.
NetlinkMessage plain_route(const NetlinkMessage& message) {
  constexpr unsigned kept_flags = RTNH_F_ONLINK | RTNH_F_PERVASIVE;
  auto header = head<rtmsg>(message);
  header.rtm_flags &= kept_flags;
  std::string payload = bytes_of(header);
  each_attribute(message.payload, sizeof header, [&](std::uint16_t type, std::string_view value) {
    if (type == RTA_CACHEINFO) return;
    std::string own(value);
    if (type == RTA_MULTIPATH) {
      for (std::size_t at = 0; at + sizeof(rtnexthop) <= own.size();) {
        auto hop = *header_of<rtnexthop>(std::string_view(own).substr(at));
        if (hop.rtnh_len < sizeof hop) break;
        hop.rtnh_flags &= kept_flags;
        std::memcpy(own.data() + at, &hop, sizeof hop);
        at += RTNH_ALIGN(hop.rtnh_len);
      }
    }
    append_attribute(payload, type, own);
  });
  return {message.type, std::move(payload)};
}

bool goes_over(const NetlinkMessage& route, int index) {
  if (number_in<rtmsg>(route, RTA_OIF) == index) return true;
  const auto hops = attribute(route.payload, sizeof(rtmsg), RTA_MULTIPATH);
  if (!hops) return false;
  std::string_view rest = *hops;
  while (const auto hop = header_of<rtnexthop>(rest)) {
    if (hop->rtnh_ifindex == index) return true;
    if (hop->rtnh_len < sizeof *hop) return false;
    rest.remove_prefix(std::min<std::size_t>(RTNH_ALIGN(hop->rtnh_len), rest.size()));
  }
  return false;
}

bool is_ours_to_restore(const NetlinkMessage& route) {
  const auto header = head<rtmsg>(route);
  if ((header.rtm_flags & RTM_F_CLONED) != 0 || header.rtm_type != RTN_UNICAST) return false;
  constexpr std::array protocols{RTPROT_UNSPEC, RTPROT_KERNEL, RTPROT_BOOT, RTPROT_STATIC,
                                 RTPROT_DHCP};
  return std::find(protocols.begin(), protocols.end(), header.rtm_protocol) != protocols.end();
}

Messages routes_over(RawNetlink& net, int index) {
  Messages found;
  for (const NetlinkMessage& route : dump(net, "routes", RTM_GETROUTE, rtmsg{}))
    if (route.type == RTM_NEWROUTE && goes_over(route, index) && is_ours_to_restore(route))
      found.push_back(plain_route(route));
  return found;
}

// Addresses that are to stay, in a form that does not change by itself.
Messages addresses_on(RawNetlink& net, int index) {
  Messages found;
  for (NetlinkMessage& address : dump(net, "addresses", RTM_GETADDR, ifaddrmsg{})) {
    auto header = head<ifaddrmsg>(address);
    if (address.type != RTM_NEWADDR || static_cast<int>(header.ifa_index) != index) continue;
    const int flags = number_in<ifaddrmsg>(address, IFA_FLAGS).value_or(header.ifa_flags);
    if ((flags & IFA_F_PERMANENT) == 0) continue;
    constexpr int passing = IFA_F_TENTATIVE | IFA_F_OPTIMISTIC | IFA_F_DADFAILED;
    header.ifa_flags = static_cast<unsigned char>(header.ifa_flags & ~passing);
    set_head(address, header);
    address.payload =
        without_attributes(address.payload, sizeof header, {IFA_CACHEINFO, IFA_FLAGS});
    append_attribute(address.payload, IFA_FLAGS, bytes_of(flags & ~passing));
    found.push_back(std::move(address));
  }
  return found;
}

Messages neighbours_on(RawNetlink& net, int index) {
  Messages found;
  for (const std::uint8_t flags : {std::uint8_t{0}, std::uint8_t{NTF_PROXY}}) {
    ndmsg request{};
    request.ndm_flags = flags;
    for (const NetlinkMessage& entry : dump(net, "neighbours", RTM_GETNEIGH, request)) {
      const auto header = head<ndmsg>(entry);
      const bool lasting = flags != 0 || (header.ndm_state & NUD_PERMANENT) != 0;
      if (entry.type != RTM_NEWNEIGH || header.ndm_ifindex != index || !lasting) continue;
      found.push_back({entry.type, without_attributes(entry.payload, sizeof header,
                                                      {NDA_CACHEINFO, NDA_PROBES})});
    }
  }
  return found;
}

struct Flags {
  int index = 0;
  std::string name;
  unsigned flags = 0;
};

std::vector<Flags> links(RawNetlink& net) {
  std::vector<Flags> found;
  for (const NetlinkMessage& link : dump(net, "links", RTM_GETLINK, ifinfomsg{})) {
    const auto header = head<ifinfomsg>(link);
    const auto name = attribute(link.payload, sizeof header, IFLA_IFNAME);
    if (name) found.push_back({header.ifi_index, name->c_str(), header.ifi_flags});
  }
  return found;
}

std::optional<Flags> find_link(RawNetlink& net, const std::string& name) {
  for (Flags& link : links(net))
    if (link.name == name) return std::move(link);
  return std::nullopt;
}

void set_up(RawNetlink& net, const LinkState& link, bool up) {
  ifinfomsg header{};
  header.ifi_index = link.index;
  header.ifi_flags = up ? IFF_UP : 0;
  header.ifi_change = IFF_UP;
  const std::string attempt = fmt::format("set link {} {}", link.name, up ? "up" : "down");
  const int failure = net.execute(attempt, {RTM_NEWLINK, bytes_of(header)}, 0);
  if (failure != 0) throw SystemError(attempt, failure);
}

bool contains(const Messages& messages, const NetlinkMessage& wanted) {
  return std::find(messages.begin(), messages.end(), wanted) != messages.end();
}

Messages missing(const Messages& wanted, const Messages& present) {
  Messages left;
  std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(left),
               [&present](const auto& each) { return !contains(present, each); });
  return left;
}

// A source address that has moved to another host: what used it is not to come back.
bool has_lost_its_source(const NetlinkMessage& route, const Messages& all_addresses) {
  const auto source = attribute(route.payload, sizeof(rtmsg), RTA_PREFSRC);
  if (!source) return false;
  return std::none_of(all_addresses.begin(), all_addresses.end(), [&](const auto& address) {
    return attribute(address.payload, sizeof(ifaddrmsg), IFA_LOCAL) == source ||
           attribute(address.payload, sizeof(ifaddrmsg), IFA_ADDRESS) == source;
  });
}

Messages missing_routes(RawNetlink& net, const LinkState& state) {
  const Messages addresses = dump(net, "addresses", RTM_GETADDR, ifaddrmsg{});
  Messages left = missing(state.routes, routes_over(net, state.index));
  std::erase_if(left, [&](const auto& route) { return has_lost_its_source(route, addresses); });
  return left;
}

// IPv4 addresses outlive a link that is set down: one that is missing was taken away by its owner.
Messages missing_addresses(RawNetlink& net, const LinkState& state) {
  Messages left = missing(state.addresses, addresses_on(net, state.index));
  std::erase_if(left,
                [](const auto& each) { return head<ifaddrmsg>(each).ifa_family != AF_INET6; });
  return left;
}

void add_all(RawNetlink& net, Messages wanted, LinkRestored& result) {
  // A gateway can be named only once it can be reached: as long as one more route finds its place.
  for (bool progress = true; progress && !wanted.empty();) {
    progress = false;
    result.failed.clear();
    Messages left;
    for (const NetlinkMessage& each : wanted) {
      const bool append = each.type == RTM_NEWROUTE && head<rtmsg>(each).rtm_family == AF_INET;
      const int failure = net.execute(
          "put back " + text_of(each), each,
          static_cast<std::uint16_t>(NLM_F_CREATE | (append ? NLM_F_APPEND : NLM_F_EXCL)));
      if (failure == 0 || failure == EEXIST) {
        progress = true;
        result.changed = result.changed || failure == 0;
      } else {
        result.failed.push_back(SystemError("put back " + text_of(each), failure).what());
        left.push_back(each);
      }
    }
    wanted = std::move(left);
  }
}

// The connected routes that the kernel makes of the addresses when a link is set up, though they
// were not there. Whoever set it up may have been killed right after.
void remove_superfluous(RawNetlink& net, const LinkState& state) {
  for (const NetlinkMessage& route : routes_over(net, state.index)) {
    const auto header = head<rtmsg>(route);
    const bool kernels_own = header.rtm_family == AF_INET && header.rtm_protocol == RTPROT_KERNEL &&
                             !attribute(route.payload, sizeof header, RTA_PRIORITY);
    if (!kernels_own || contains(state.routes, route)) continue;
    const auto source = attribute(route.payload, sizeof header, RTA_PREFSRC);
    const bool of_then =
        std::any_of(state.addresses.begin(), state.addresses.end(), [&](const auto& address) {
          return source && attribute(address.payload, sizeof(ifaddrmsg), IFA_LOCAL) == source;
        });
    if (of_then) net.execute("take back " + text_of(route), {RTM_DELROUTE, route.payload}, 0);
  }
}

}  // namespace

LinkState read_link_state(const std::string& name) {
  RawNetlink net(NETLINK_ROUTE);
  const std::optional<Flags> link = find_link(net, name);
  if (!link) throw Error(fmt::format("there is no network device '{}'", name));
  LinkState state;
  state.index = link->index;
  state.name = name;
  state.up = (link->flags & IFF_UP) != 0;
  state.running = state.up && (link->flags & IFF_RUNNING) != 0;
  state.addresses = addresses_on(net, state.index);
  state.neighbours = neighbours_on(net, state.index);
  state.routes = routes_over(net, state.index);
  return state;
}

bool has_nexthop_objects(const std::string& name) {
  RawNetlink net(NETLINK_ROUTE);
  const std::optional<Flags> link = find_link(net, name);
  if (!link) return false;
  Messages objects;
  try {
    objects = dump(net, "nexthop objects", RTM_GETNEXTHOP, nhmsg{});
  } catch (const SystemError&) {
    return false;  // a kernel without them
  }
  return std::any_of(objects.begin(), objects.end(), [&](const auto& each) {
    return number_in<nhmsg>(each, NHA_OIF) == link->index;
  });
}

void set_link_down(const LinkState& link) {
  RawNetlink net(NETLINK_ROUTE);
  set_up(net, link, false);
}

LinkRestored restore_link_state(const LinkState& state) {
  RawNetlink net(NETLINK_ROUTE);
  LinkRestored result;
  const std::optional<Flags> link = find_link(net, state.name);
  if (!link || link->index != state.index) return result;
  result.link_there = true;
  if (state.up && (link->flags & IFF_UP) == 0) {
    set_up(net, state, true);
    result.changed = true;
  }
  std::vector<std::string> failed;
  const auto put_back = [&](Messages wanted) {
    result.failed.clear();
    add_all(net, std::move(wanted), result);
    failed.insert(failed.end(), result.failed.begin(), result.failed.end());
  };
  put_back(missing_addresses(net, state));
  put_back(missing(state.neighbours, neighbours_on(net, state.index)));
  put_back(missing_routes(net, state));
  result.failed = std::move(failed);
  remove_superfluous(net, state);
  return result;
}

std::vector<std::string> missing_of_link_state(const LinkState& state) {
  RawNetlink net(NETLINK_ROUTE);
  const std::optional<Flags> link = find_link(net, state.name);
  if (!link || link->index != state.index) return {"the link itself"};
  std::vector<std::string> texts;
  if (state.up && (link->flags & IFF_UP) == 0) texts.emplace_back("the link is down");
  if (state.running && (link->flags & IFF_RUNNING) == 0) texts.emplace_back("its carrier");
  for (const Messages& left :
       {missing_addresses(net, state), missing(state.neighbours, neighbours_on(net, state.index)),
        missing_routes(net, state)})
    for (const NetlinkMessage& each : left) texts.push_back(text_of(each));
  return texts;
}

}  // namespace nospof
