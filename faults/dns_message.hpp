#pragma once
// Which names a resolver that misbehaves means. Pure.

#include <string>
#include <vector>

#include "system/dns_message.hpp"

namespace nospof::faults {

/// "db1.example.org", or "*.example.org" for everything below; lower case. Throws Error.
std::string checked_name_pattern(const std::string& text);
/// Whether a name is meant; no pattern at all means every name.
bool matches_name(const std::string& name, const std::vector<std::string>& patterns);

}  // namespace nospof::faults
