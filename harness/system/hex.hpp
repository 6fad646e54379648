#pragma once
// Bytes as text that JSON can carry.

#include <string>
#include <string_view>

namespace nospof {

/// Two lower-case digits for each byte.
std::string hex_of(std::string_view bytes);
/// Throws Error on anything else than hex_of() makes.
std::string bytes_of_hex(std::string_view digits);

}  // namespace nospof
