#include "spec/ipv4.hpp"

#include <charconv>

namespace nospof::spec {

namespace {

/// A decimal number at the start of `text`, which it is taken off; nothing for "", "01" or more
/// than `most`.
std::optional<std::uint32_t> take_number(std::string_view& text, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value > most) return std::nullopt;
  const auto length = static_cast<std::size_t>(end - text.data());
  if (length > 1 && text.front() == '0') return std::nullopt;
  text.remove_prefix(length);
  return value;
}

}  // namespace

std::uint32_t Subnet::mask() const {
  return prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix_length);
}

bool Subnet::contains(const Subnet& other) const {
  return other.prefix_length >= prefix_length && contains(other.base);
}

std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
  std::uint32_t address = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (text.empty() || text.front() != '.') return std::nullopt;
      text.remove_prefix(1);
    }
    const auto number = take_number(text, 255);
    if (!number) return std::nullopt;
    address = address << 8 | *number;
  }
  if (!text.empty()) return std::nullopt;
  return address;
}

std::optional<Subnet> parse_subnet(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto base = parse_ipv4(text.substr(0, slash));
  std::string_view rest = text.substr(slash + 1);
  const auto length = take_number(rest, 32);
  if (!base || !length || !rest.empty()) return std::nullopt;
  const Subnet subnet{*base, static_cast<int>(*length)};
  if ((subnet.base & ~subnet.mask()) != 0) return std::nullopt;
  return subnet;
}

}  // namespace nospof::spec
