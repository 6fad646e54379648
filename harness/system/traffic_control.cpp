#include "system/traffic_control.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <sys/socket.h>

#include "system/check.hpp"

namespace nospof {

namespace {

constexpr std::size_t header_size = sizeof(nlattr);

std::size_t aligned(std::size_t size) {
  return (size + 3) / 4 * 4;
}

// A copy: rows of attributes inside attributes need not lie at an address that suits a pointer.
template <typename T>
T copy_of(std::string_view bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
  return value;
}

std::string text_of(std::string_view value) {
  return std::string(value.substr(0, value.find('\0')));
}

tcmsg header_for(int device, std::uint32_t parent, std::uint32_t handle = 0,
                 std::uint32_t info = 0) {
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = device;
  header.tcm_parent = parent;
  header.tcm_handle = handle;
  header.tcm_info = info;
  return header;
}

std::uint32_t filter_info(std::uint16_t priority, std::uint16_t protocol) {
  return (static_cast<std::uint32_t>(priority) << 16U) | htons(protocol);
}

std::string kind_attribute(const std::string& kind) {
  return AttributeBytes().put(TCA_KIND, std::string_view(kind.c_str(), kind.size() + 1)).bytes();
}

QdiscInfo qdisc_from(const tcmsg& header, std::string_view attributes) {
  QdiscInfo info;
  info.device = header.tcm_ifindex;
  info.handle = header.tcm_handle;
  info.parent = header.tcm_parent;
  info.kind = text_of(find_attribute(attributes, TCA_KIND));
  info.options = std::string(find_attribute(attributes, TCA_OPTIONS));
  const std::string_view stats = find_attribute(attributes, TCA_STATS2);
  const auto basic = copy_of<gnet_stats_basic>(find_attribute(stats, TCA_STATS_BASIC));
  info.bytes = basic.bytes;
  info.packets = attribute_or<std::uint64_t>(stats, TCA_STATS_PKT64, basic.packets);
  const auto queue = copy_of<gnet_stats_queue>(find_attribute(stats, TCA_STATS_QUEUE));
  info.dropped = queue.drops;
  info.waiting = queue.qlen;
  return info;
}

FilterInfo filter_from(const tcmsg& header, std::string_view attributes) {
  FilterInfo info;
  info.kind = text_of(find_attribute(attributes, TCA_KIND));
  info.parent = header.tcm_parent;
  info.priority = static_cast<std::uint16_t>(header.tcm_info >> 16U);
  info.protocol = ntohs(static_cast<std::uint16_t>(header.tcm_info & 0xFFFFU));
  info.handle = header.tcm_handle;
  if (info.kind == "u32")
    info.class_id =
        attribute_or<std::uint32_t>(find_attribute(attributes, TCA_OPTIONS), TCA_U32_CLASSID, 0);
  return info;
}

std::string u32_options(const Redirect& redirect) {
  AttributeBytes selector;
  tc_u32_sel head{};
  head.flags = TC_U32_TERMINAL;
  head.nkeys = static_cast<unsigned char>(redirect.match.size());
  selector.raw(head);
  for (const PacketBits& bits : redirect.match) {
    tc_u32_key key{};
    key.val = htonl(bits.value & bits.mask);
    key.mask = htonl(bits.mask);
    key.off = bits.offset;
    selector.raw(key);
  }
  tc_mirred mirred{};
  mirred.action = TC_ACT_STOLEN;
  mirred.eaction = TCA_EGRESS_REDIR;
  mirred.ifindex = static_cast<std::uint32_t>(redirect.to_device);
  const std::string parameters = AttributeBytes().put(TCA_MIRRED_PARMS, mirred).bytes();
  const std::string action = AttributeBytes()
                                 .put(TCA_ACT_KIND, std::string_view("mirred", 7))
                                 .put(TCA_ACT_OPTIONS | NLA_F_NESTED, parameters)
                                 .bytes();
  const std::string actions = AttributeBytes().put(1 | NLA_F_NESTED, action).bytes();
  return AttributeBytes()
      .put(TCA_U32_CLASSID, redirect.class_id)
      .put(TCA_U32_SEL, selector.bytes())
      .put(TCA_U32_ACT | NLA_F_NESTED, actions)
      .bytes();
}

}  // namespace

void AttributeBytes::append(const void* data, std::size_t size) {
  bytes_.append(static_cast<const char*>(data), size);
  bytes_.resize(aligned(bytes_.size()));
}

AttributeBytes& AttributeBytes::put(int type, std::string_view value) {
  nlattr header{};
  header.nla_len = static_cast<std::uint16_t>(header_size + value.size());
  header.nla_type = static_cast<std::uint16_t>(type);
  append(&header, sizeof header);
  append(value.data(), value.size());
  return *this;
}

std::string_view find_attribute(std::string_view attributes, int type) {
  while (attributes.size() >= header_size) {
    const auto header = copy_of<nlattr>(attributes);
    if (header.nla_len < header_size || header.nla_len > attributes.size()) break;
    if ((header.nla_type & NLA_TYPE_MASK) == type)
      return attributes.substr(header_size, header.nla_len - header_size);
    attributes.remove_prefix(std::min(aligned(header.nla_len), attributes.size()));
  }
  return {};
}

TrafficControl::TrafficControl() : socket_(NETLINK_ROUTE) {}

TrafficControl::Answer TrafficControl::ask(int type, int flags, const std::string& payload) {
  Answer answer;
  answer.error = socket_.execute("ask for a change of traffic control",
                                 {static_cast<std::uint16_t>(type), payload},
                                 static_cast<std::uint16_t>(flags), &answer.words);
  return answer;
}

template <typename Attempt>
void TrafficControl::request(Attempt attempt, int type, int flags, const std::string& payload) {
  const Answer answer = ask(type, flags, payload);
  if (answer.error == 0) return;
  throw SystemError(
      answer.words.empty() ? attempt() : fmt::format("{} ({})", attempt(), answer.words),
      answer.error);
}

template <typename Visit>
void TrafficControl::dump(const std::string& attempt, int type, const std::string& payload,
                          Visit visit) {
  for (const NetlinkMessage& message :
       socket_.dump(attempt, {static_cast<std::uint16_t>(type), payload})) {
    const std::string_view bytes = message.payload;
    visit(copy_of<tcmsg>(bytes), bytes.substr(std::min(aligned(sizeof(tcmsg)), bytes.size())));
  }
}

std::string TrafficControl::name_of(int device) const {
  std::array<char, IF_NAMESIZE> name{};
  return ::if_indextoname(static_cast<unsigned>(device), name.data()) != nullptr
             ? std::string(name.data())
             : fmt::format("number {}", device);
}

std::vector<QdiscInfo> TrafficControl::qdiscs() {
  std::vector<QdiscInfo> list;
  dump("list qdiscs", RTM_GETQDISC, AttributeBytes().raw(header_for(0, 0)).bytes(),
       [&list](const tcmsg& header, std::string_view attributes) {
         list.push_back(qdisc_from(header, attributes));
       });
  return list;
}

std::vector<FilterInfo> TrafficControl::filters(int device, std::uint32_t parent) {
  std::vector<FilterInfo> list;
  dump(fmt::format("list filters of device {}", name_of(device)), RTM_GETTFILTER,
       AttributeBytes().raw(header_for(device, parent)).bytes(),
       [&list](const tcmsg& header, std::string_view attributes) {
         list.push_back(filter_from(header, attributes));
       });
  return list;
}

void TrafficControl::add_qdisc(int device, std::uint32_t parent, std::uint32_t handle,
                               const std::string& kind, std::string_view options) {
  std::string payload = AttributeBytes().raw(header_for(device, parent, handle)).bytes();
  payload += kind_attribute(kind);
  if (!options.empty()) payload += AttributeBytes().put(TCA_OPTIONS, options).bytes();
  request([&] { return fmt::format("add qdisc {} to device {}", kind, name_of(device)); },
          RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, payload);
}

bool TrafficControl::remove_qdisc(int device, std::uint32_t parent, std::uint32_t handle,
                                  const std::string& kind) {
  const std::string payload =
      AttributeBytes().raw(header_for(device, parent, handle)).bytes() + kind_attribute(kind);
  const Answer answer = ask(RTM_DELQDISC, 0, payload);
  if (answer.error == ENOENT || answer.error == ENODEV || answer.error == EINVAL) return false;
  if (answer.error != 0)
    throw SystemError(
        fmt::format("remove qdisc {} of device {} {}", kind, name_of(device), answer.words),
        answer.error);
  return true;
}

void TrafficControl::add_redirect(const Redirect& redirect) {
  std::string payload = AttributeBytes()
                            .raw(header_for(redirect.device, redirect.parent, 0,
                                            filter_info(redirect.priority, redirect.protocol)))
                            .bytes();
  payload += kind_attribute("u32");
  payload += AttributeBytes().put(TCA_OPTIONS | NLA_F_NESTED, u32_options(redirect)).bytes();
  request([&] { return fmt::format("add a filter to device {}", name_of(redirect.device)); },
          RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, payload);
}

void TrafficControl::remove_filters(int device, std::uint32_t parent, std::uint16_t priority,
                                    std::uint16_t protocol) {
  const std::string payload =
      AttributeBytes().raw(header_for(device, parent, 0, filter_info(priority, protocol))).bytes();
  const Answer answer = ask(RTM_DELTFILTER, 0, payload);
  if (answer.error != 0 && answer.error != ENOENT && answer.error != ENODEV)
    throw SystemError(fmt::format("remove filters of device {} {}", name_of(device), answer.words),
                      answer.error);
}

int TrafficControl::add_ifb(const std::string& name) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  const std::string info = AttributeBytes().put(IFLA_INFO_KIND, std::string_view("ifb", 4)).bytes();
  const std::uint8_t no_address = IN6_ADDR_GEN_MODE_NONE;
  const std::string inet6 = AttributeBytes().put(IFLA_INET6_ADDR_GEN_MODE, no_address).bytes();
  const std::string families = AttributeBytes().put(AF_INET6 | NLA_F_NESTED, inet6).bytes();
  const auto make = [&](bool quiet) {
    AttributeBytes payload;
    payload.raw(header)
        .put(IFLA_IFNAME, std::string_view(name.c_str(), name.size() + 1))
        .put(IFLA_LINKINFO | NLA_F_NESTED, info);
    if (quiet) payload.put(IFLA_AF_SPEC | NLA_F_NESTED, families);
    return ask(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, payload.bytes());
  };
  Answer answer = make(true);
  // Where the kernel has no IPv6, it does not know the mode either.
  if (answer.error == EAFNOSUPPORT || answer.error == EINVAL) answer = make(false);
  if (answer.error != 0)
    throw SystemError(fmt::format("add ifb device {} {}", name, answer.words), answer.error);
  const unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) throw SystemError(fmt::format("find device {}", name), errno);
  return static_cast<int>(index);
}

}  // namespace nospof
