#include "faults/dns_message.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr std::size_t header_size = 12;
constexpr std::size_t longest_label = 63;
constexpr std::size_t longest_name = 253;
constexpr std::uint16_t response_bit = 0x8000;
constexpr std::uint16_t opcode_bits = 0x7800;
constexpr std::uint16_t recursion_desired = 0x0100;
constexpr std::uint16_t recursion_available = 0x0080;
constexpr std::uint16_t no_such_name = 3;

std::uint16_t word_at(std::string_view message, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(message[at]) << 8U |
                                    static_cast<unsigned char>(message[at + 1]));
}

void put_word(std::string& message, std::size_t at, std::uint16_t word) {
  message[at] = static_cast<char>(word >> 8U);
  message[at + 1] = static_cast<char>(word & 0xff);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

std::optional<DnsQuestion> parse_dns_query(std::string_view message) {
  if (message.size() < header_size) return std::nullopt;
  const std::uint16_t flags = word_at(message, 2);
  if ((flags & (response_bit | opcode_bits)) != 0 || word_at(message, 4) != 1) return std::nullopt;
  DnsQuestion question;
  question.id = word_at(message, 0);
  std::size_t at = header_size;
  for (;;) {
    if (at >= message.size()) return std::nullopt;
    const std::size_t length = static_cast<unsigned char>(message[at++]);
    if (length == 0) break;
    if (length > longest_label || at + length > message.size()) return std::nullopt;
    if (!question.name.empty()) question.name += '.';
    question.name += message.substr(at, length);
    at += length;
  }
  if (at + 4 > message.size()) return std::nullopt;
  question.name = lower(std::move(question.name));
  question.type = word_at(message, at);
  question.end = at + 4;
  return question;
}

std::string nxdomain_answer(std::string_view query, const DnsQuestion& question) {
  std::string answer(query.substr(0, question.end));
  const auto flags = static_cast<std::uint16_t>(word_at(query, 2) & recursion_desired);
  put_word(answer, 2,
           static_cast<std::uint16_t>(response_bit | flags | recursion_available | no_such_name));
  for (const std::size_t count : {6, 8, 10}) put_word(answer, count, 0);
  return answer;
}

std::string dns_query(std::uint16_t id, const std::string& name) {
  std::string message(header_size, '\0');
  put_word(message, 0, id);
  put_word(message, 2, recursion_desired);
  put_word(message, 4, 1);
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t end = std::min(name.find('.', at), name.size());
    if (end == at || end - at > longest_label)
      throw Error(fmt::format("'{}' is no DNS name", name));
    message += static_cast<char>(end - at);
    message += name.substr(at, end - at);
    at = end + 1;
  }
  return message + std::string("\0\0\1\0\1", 5);
}

std::optional<int> dns_answer_code(std::string_view message, std::uint16_t id) {
  if (message.size() < header_size || word_at(message, 0) != id) return std::nullopt;
  const std::uint16_t flags = word_at(message, 2);
  if ((flags & response_bit) == 0) return std::nullopt;
  return flags & 0xf;
}

void set_dns_id(std::string& message, std::uint16_t id) {
  if (message.size() >= 2) put_word(message, 0, id);
}

std::string checked_name_pattern(const std::string& text) {
  std::string pattern = lower(text);
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
  std::string wanted = lower(name);
  if (wanted.ends_with('.')) wanted.pop_back();
  return std::any_of(patterns.begin(), patterns.end(), [&wanted](const std::string& pattern) {
    return pattern.starts_with("*.") ? wanted.ends_with(pattern.substr(1)) : wanted == pattern;
  });
}

}  // namespace nospof::faults
