#pragma once
// As much of DNS messages (RFC 1035) as asking, answering badly and judging answers needs. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nospof {

inline constexpr std::uint16_t dns_type_a = 1;
inline constexpr std::uint16_t dns_type_aaaa = 28;

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

/// A query for the addresses of a name, recursion desired. Throws Error when the name can't be one.
std::string dns_query(std::uint16_t id, const std::string& name, std::uint16_t type = dns_type_a);

/// The response code of an answer with that id (3: no such name); nothing when it is none.
std::optional<int> dns_answer_code(std::string_view message, std::uint16_t id);

/// What an answer says.
struct DnsAnswer {
  int code = 0;            ///< response code: 0 no error, 2 server failure, 3 no such name, ...
  bool truncated = false;  ///< ask again over TCP; has no addresses then
  /// Numeric; those of the question's type in the answer section, also behind an alias.
  std::vector<std::string> addresses;
};
/// Nothing when it is no well-formed answer to that question; an answer that refuses may leave the
/// question out.
std::optional<DnsAnswer> parse_dns_answer(std::string_view message, const DnsQuestion& question);

void set_dns_id(std::string& message, std::uint16_t id);

/// Names are compared without regard to case.
std::string dns_lower(std::string text);

}  // namespace nospof
