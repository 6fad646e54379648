#pragma once
// The other direction of utc_text().

#include <optional>
#include <string_view>

#include "system/clock.hpp"

namespace nospof {

/// "2026-11-20T13:39:56.123456789Z", with nine decimals, fewer or none; nothing when it is no such
/// time, or before 1970 or after 2199.
std::optional<WallTime> parse_utc(std::string_view text);

}  // namespace nospof
