#include "system/lab_network.hpp"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include "system/check.hpp"

namespace nospof {

namespace {
constexpr std::uint32_t lab_network = 0xC6120000;  // 198.18.0.0
constexpr std::uint32_t lab_mask = 0xFFFE0000;     // /15

bool in_lab_network(std::uint32_t network_order) {
  return (ntohl(network_order) & lab_mask) == lab_network;
}
}  // namespace

bool is_lab_address(std::string_view address) {
  const std::string text(address);
  in_addr four{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) return in_lab_network(four.s_addr);
  in6_addr six{};
  if (::inet_pton(AF_INET6, text.c_str(), &six) != 1)
    throw Error(fmt::format("'{}' is no IP address", address));
  if (!IN6_IS_ADDR_V4MAPPED(&six)) return false;
  std::uint32_t mapped = 0;
  std::memcpy(&mapped, &six.s6_addr[12], sizeof mapped);
  return in_lab_network(mapped);
}

bool inside_lab_network() {
  ifaddrs* first = nullptr;
  check("getifaddrs", ::getifaddrs(&first));
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(first, ::freeifaddrs);
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
    sockaddr_in local{};
    std::memcpy(&local, entry->ifa_addr, sizeof local);
    if (in_lab_network(local.sin_addr.s_addr)) return true;
  }
  return false;
}

void require_lab_namespace_for(std::string_view address) {
  if (is_lab_address(address) && !inside_lab_network())
    throw Error(fmt::format(
        "refused to connect to {}: lab addresses are reached only from inside a lab's hosts",
        address));
}

}  // namespace nospof
