#include "system/hex.hpp"

#include "system/check.hpp"

namespace nospof {

namespace {
constexpr std::string_view digits = "0123456789abcdef";
}

std::string hex_of(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4U];
    text += digits[static_cast<unsigned char>(byte) & 15U];
  }
  return text;
}

std::string bytes_of_hex(std::string_view text) {
  std::string bytes;
  if (text.size() % 2 != 0) throw Error("an odd number of hexadecimal digits");
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::size_t high = digits.find(text[i]);
    const std::size_t low = digits.find(text[i + 1]);
    if (high > 15 || low > 15) throw Error("something else than hexadecimal digits");
    bytes += static_cast<char>(high << 4U | low);
  }
  return bytes;
}

}  // namespace nospof
