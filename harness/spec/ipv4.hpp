#pragma once
// IPv4 addresses and subnets as numbers. Internal to spec.

#include <cstdint>
#include <optional>
#include <string_view>

namespace nospof::spec {

struct Subnet {
  std::uint32_t base = 0;
  int prefix_length = 32;
  std::uint32_t mask() const;
  std::uint32_t broadcast() const { return base | ~mask(); }
  bool contains(std::uint32_t address) const { return (address & mask()) == base; }
  bool contains(const Subnet& other) const;
};

/// Four decimal numbers without leading zeros; nothing for anything else.
std::optional<std::uint32_t> parse_ipv4(std::string_view text);
/// "198.18.0.0/24"; nothing when bits beyond the prefix are set.
std::optional<Subnet> parse_subnet(std::string_view text);

/// What a lab may use: 198.18.0.0/15, reserved for benchmarks by RFC 2544.
inline constexpr Subnet lab_range{0xc612'0000U, 15};

}  // namespace nospof::spec
