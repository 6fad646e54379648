#include "system/labelled_address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "system/check.hpp"
#include "system/raw_netlink.hpp"

namespace nospof {

namespace {

struct Entry {
  int index = 0;
  std::uint8_t prefix = 0;
  in_addr address{};
  std::string label;
};

in_addr parsed(const std::string& address) {
  in_addr value{};
  if (::inet_pton(AF_INET, address.c_str(), &value) != 1)
    throw Error(fmt::format("'{}' is no IPv4 address", address));
  return value;
}

int index_of(const std::string& device) {
  return static_cast<int>(::if_nametoindex(device.c_str()));
}

std::vector<Entry> entries() {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  std::vector<Entry> found;
  for (const NetlinkMessage& message :
       RawNetlink(NETLINK_ROUTE).dump("list addresses", {RTM_GETADDR, bytes_of(header)})) {
    const auto head = header_of<ifaddrmsg>(message.payload);
    const auto local = attribute(message.payload, sizeof header, IFA_LOCAL);
    const auto address = local ? header_of<in_addr>(*local) : std::nullopt;
    if (!head || !address || head->ifa_family != AF_INET) continue;
    const auto label = attribute(message.payload, sizeof header, IFA_LABEL);
    found.push_back({static_cast<int>(head->ifa_index), head->ifa_prefixlen, *address,
                     label ? label->c_str() : ""});
  }
  return found;
}

NetlinkMessage message_for(std::uint16_t type, const LabelledAddress& wanted) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = 32;
  header.ifa_index = static_cast<unsigned>(index_of(wanted.device));
  NetlinkMessage message{type, bytes_of(header)};
  const std::string address = bytes_of(parsed(wanted.address));
  append_attribute(message.payload, IFA_LOCAL, address);
  append_attribute(message.payload, IFA_ADDRESS, address);
  append_attribute(message.payload, IFA_LABEL, wanted.label + '\0');
  return message;
}

}  // namespace

std::string own_label(const std::string& device) {
  for (const char* ending : {":nospof", ":nsp"})
    if (device.size() + std::string(ending).size() < IFNAMSIZ) return device + ending;
  throw Error(fmt::format("the name of device '{}' leaves no room for a label", device));
}

void add_labelled_address(const LabelledAddress& address) {
  const std::string attempt = fmt::format("add address {} to {}", address.address, address.device);
  const int failure =
      RawNetlink(NETLINK_ROUTE)
          .execute(attempt, message_for(RTM_NEWADDR, address), NLM_F_CREATE | NLM_F_EXCL);
  if (failure != 0) throw SystemError(attempt, failure);
}

bool delete_labelled_address(const LabelledAddress& address) {
  if (!has_labelled_address(address)) return false;
  const std::string attempt =
      fmt::format("delete address {} from {}", address.address, address.device);
  const int failure =
      RawNetlink(NETLINK_ROUTE).execute(attempt, message_for(RTM_DELADDR, address), 0);
  if (failure == EADDRNOTAVAIL || failure == ENODEV) return false;
  if (failure != 0) throw SystemError(attempt, failure);
  return true;
}

bool has_labelled_address(const LabelledAddress& address) {
  const int index = index_of(address.device);
  const in_addr wanted = parsed(address.address);
  for (const Entry& entry : entries())
    if (entry.index == index && entry.prefix == 32 && entry.address.s_addr == wanted.s_addr &&
        entry.label == address.label)
      return true;
  return false;
}

std::optional<std::string> device_with(const std::string& address) {
  const in_addr wanted = parsed(address);
  for (const Entry& entry : entries()) {
    if (entry.address.s_addr != wanted.s_addr) continue;
    char name[IF_NAMESIZE] = {};
    const char* found = ::if_indextoname(static_cast<unsigned>(entry.index), name);
    return found != nullptr ? std::string(found) : std::string("?");
  }
  return std::nullopt;
}

}  // namespace nospof
