#pragma once
// As much of DNS messages (RFC 1035) as a resolver that misbehaves needs. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nospof::faults {

/// The question of a query.
struct DnsQuestion {
  std::uint16_t id = 0;
  std::string name;  ///< lower case, without the dot at its end
  std::uint16_t type = 0;
  std::size_t end = 0;  ///< where the question ends in the message
};

/// Nothing when it is no standard query with one question.
std::optional<DnsQuestion> parse_dns_query(std::string_view message);

/// The answer that there is no such name.
std::string nxdomain_answer(std::string_view query, const DnsQuestion& question);

/// A query for the IPv4 address of a name, recursion desired. Throws Error when the name can't be
/// one.
std::string dns_query(std::uint16_t id, const std::string& name);

/// The response code of an answer with that id (3: no such name); nothing when it is none.
std::optional<int> dns_answer_code(std::string_view message, std::uint16_t id);

void set_dns_id(std::string& message, std::uint16_t id);

/// "db1.example.org", or "*.example.org" for everything below; lower case. Throws Error.
std::string checked_name_pattern(const std::string& text);
/// Whether a name is meant; no pattern at all means every name.
bool matches_name(const std::string& name, const std::vector<std::string>& patterns);

}  // namespace nospof::faults
