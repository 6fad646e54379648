#include "system/dns_message.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof {

namespace {

constexpr std::size_t header_size = 12;
constexpr std::size_t longest_label = 63;
constexpr std::uint16_t response_bit = 0x8000;
constexpr std::uint16_t opcode_bits = 0x7800;
constexpr std::uint16_t truncated_bit = 0x0200;
constexpr std::uint16_t recursion_desired = 0x0100;
constexpr std::uint16_t recursion_available = 0x0080;
constexpr std::uint16_t code_bits = 0x000f;
constexpr std::uint16_t no_such_name = 3;
constexpr std::uint16_t class_internet = 1;

std::uint16_t word_at(std::string_view message, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(message[at]) << 8U |
                                    static_cast<unsigned char>(message[at + 1]));
}

void put_word(std::string& message, std::size_t at, std::uint16_t word) {
  message[at] = static_cast<char>(word >> 8U);
  message[at + 1] = static_cast<char>(word & 0xff);
}

/// A name without compression; leaves `at` behind it.
bool read_plain_name(std::string_view message, std::size_t& at, std::string& name) {
  for (;;) {
    if (at >= message.size()) return false;
    const std::size_t length = static_cast<unsigned char>(message[at++]);
    if (length == 0) break;
    if (length > longest_label || at + length > message.size()) return false;
    if (!name.empty()) name += '.';
    name += message.substr(at, length);
    at += length;
  }
  name = dns_lower(std::move(name));
  return true;
}

/// Goes behind a name, which may end in a pointer to the rest of it (RFC 1035 4.1.4).
bool skip_name(std::string_view message, std::size_t& at) {
  while (at < message.size()) {
    const std::size_t length = static_cast<unsigned char>(message[at++]);
    if (length == 0) return true;
    if ((length & 0xc0U) == 0xc0U) return at++ < message.size();
    if (length > longest_label) return false;
    at += length;
  }
  return false;
}

/// The question at the front of an answer; leaves `at` behind it.
bool is_repeated(std::string_view message, const DnsQuestion& question, std::size_t& at) {
  std::string name;
  if (!read_plain_name(message, at, name) || at + 4 > message.size()) return false;
  at += 4;
  return name == question.name && word_at(message, at - 4) == question.type &&
         word_at(message, at - 2) == class_internet;
}

/// One record; adds its address if it has one of that type.
bool read_record(std::string_view message, std::uint16_t type, std::size_t& at,
                 std::vector<std::string>& addresses) {
  if (!skip_name(message, at) || at + 10 > message.size()) return false;
  const std::uint16_t its_type = word_at(message, at);
  const std::uint16_t its_class = word_at(message, at + 2);
  const std::size_t length = word_at(message, at + 8);
  at += 10;
  if (at + length > message.size()) return false;
  if (its_type == type && its_class == class_internet) {
    const bool is_a = type == dns_type_a;
    if (length != (is_a ? sizeof(in_addr) : sizeof(in6_addr))) return false;
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(is_a ? AF_INET : AF_INET6, message.data() + at, text.data(), text.size());
    addresses.emplace_back(text.data());
  }
  at += length;
  return true;
}

}  // namespace

std::string dns_lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::optional<DnsQuestion> parse_dns_query(std::string_view message) {
  if (message.size() < header_size) return std::nullopt;
  const std::uint16_t flags = word_at(message, 2);
  if ((flags & (response_bit | opcode_bits)) != 0 || word_at(message, 4) != 1) return std::nullopt;
  DnsQuestion question;
  question.id = word_at(message, 0);
  std::size_t at = header_size;
  if (!read_plain_name(message, at, question.name)) return std::nullopt;
  if (at + 4 > message.size()) return std::nullopt;
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

std::string dns_query(std::uint16_t id, const std::string& name, std::uint16_t type) {
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
  message += std::string("\0\0\0\0\1", 5);
  put_word(message, message.size() - 4, type);
  return message;
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

std::optional<DnsAnswer> parse_dns_answer(std::string_view message, const DnsQuestion& question) {
  if (message.size() < header_size || word_at(message, 0) != question.id) return std::nullopt;
  const std::uint16_t flags = word_at(message, 2);
  if ((flags & response_bit) == 0 || (flags & opcode_bits) != 0) return std::nullopt;
  DnsAnswer answer;
  answer.code = flags & code_bits;
  answer.truncated = (flags & truncated_bit) != 0;
  const std::uint16_t questions = word_at(message, 4);
  std::size_t at = header_size;
  const bool left_out = questions == 0 && answer.code != 0;
  if (!left_out && (questions != 1 || !is_repeated(message, question, at))) return std::nullopt;
  if (answer.truncated || answer.code != 0) return answer;
  for (std::uint16_t i = 0; i < word_at(message, 6); ++i)
    if (!read_record(message, question.type, at, answer.addresses)) return std::nullopt;
  return answer;
}

}  // namespace nospof
