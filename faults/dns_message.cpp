#include "faults/dns_message.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::faults {

namespace {
constexpr std::size_t longest_name = 253;
}  // namespace

std::string checked_name_pattern(const std::string& text) {
  std::string pattern = dns_lower(text);
  if (pattern.ends_with('.')) pattern.pop_back();
  const std::string name = pattern.starts_with("*.") ? pattern.substr(2) : pattern;
  const bool valid = !name.empty() && name.size() <= longest_name &&
                     std::all_of(name.begin(), name.end(), [](unsigned char c) {
                       return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
                     });
  if (!valid)
    throw Error(fmt::format("'{}' is no name such as db1.example.org or *.example.org", text));
  dns_query(0, name);
  return pattern;
}

bool matches_name(const std::string& name, const std::vector<std::string>& patterns) {
  if (patterns.empty()) return true;
  std::string wanted = dns_lower(name);
  if (wanted.ends_with('.')) wanted.pop_back();
  return std::any_of(patterns.begin(), patterns.end(), [&wanted](const std::string& pattern) {
    return pattern.starts_with("*.") ? wanted.ends_with(pattern.substr(1)) : wanted == pattern;
  });
}

}  // namespace nospof::faults
