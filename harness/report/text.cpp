#include "report/text.hpp"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace nospof::report {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

struct Character {
  std::uint32_t code = 0;
  std::size_t length = 0;  // 0: the byte is not the beginning of a valid character
};

// How many bytes a character has whose first is `lead`; 0: none begins so.
std::size_t length_of(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

Character next_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = length_of(lead);
  if (length == 0 || length > text.size()) return {};
  if (length == 1) return {lead, 1};
  std::uint32_t code = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0U) != 0x80U) return {};
    code = code << 6U | (byte & 0x3FU);
  }
  // Overlong forms, surrogates, and what lies beyond Unicode.
  constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < smallest[length] || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF) return {};
  return {code, length};
}

// Calls `put(code, bytes)` for every character; what is no character is given as U+FFFD.
template <typename Put>
void for_each_character(std::string_view text, Put put) {
  while (!text.empty()) {
    const Character character = next_character(text);
    if (character.length == 0) {
      put(0xFFFDU, replacement);
      text.remove_prefix(1);
    } else {
      put(character.code, text.substr(0, character.length));
      text.remove_prefix(character.length);
    }
  }
}

bool is_control(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string out;
  for_each_character(text, [&out](std::uint32_t, std::string_view bytes) { out += bytes; });
  return out;
}

boost::json::array texts(const std::vector<std::string>& list) {
  boost::json::array array;
  for (const std::string& text : list) array.emplace_back(valid_utf8(text));
  return array;
}

std::string some_of(const std::vector<std::string>& list) {
  constexpr std::size_t most_shown = 8;
  const std::size_t shown = std::min(list.size(), most_shown);
  std::string text = fmt::format(
      "{}", fmt::join(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (list.size() > shown) text += fmt::format(" and {} more", list.size() - shown);
  return text;
}

std::string xml_text(std::string_view text) {
  std::string out;
  for_each_character(text, [&out](std::uint32_t code, std::string_view bytes) {
    const bool allowed = code == '\t' || code == '\n' || code == '\r' ||
                         (code >= 0x20 && code != 0xFFFE && code != 0xFFFF);
    if (!allowed)
      out += replacement;
    else if (code == '&')
      out += "&amp;";
    else if (code == '<')
      out += "&lt;";
    else if (code == '>')
      out += "&gt;";
    else if (code == '"')
      out += "&quot;";
    else if (code == '\n' || code == '\r' || code == '\t')
      out += "&#" + std::to_string(code) + ";";
    else
      out += bytes;
  });
  return out;
}

std::string markdown_text(std::string_view text) {
  std::string out;
  for_each_character(text, [&out](std::uint32_t code, std::string_view bytes) {
    if (is_control(code)) {
      out += ' ';
      return;
    }
    constexpr std::string_view markup = "\\`*_|<>[]#~";
    if (code < 0x80 && markup.find(static_cast<char>(code)) != std::string_view::npos) out += '\\';
    out += bytes;
  });
  return out;
}

std::string plain_text(std::string_view text) {
  std::string out;
  for_each_character(text, [&out](std::uint32_t code, std::string_view bytes) {
    if (code == '\n' || code == '\t')
      out += ' ';
    else if (is_control(code))
      out += '?';
    else
      out += bytes;
  });
  return out;
}

std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  for_each_character(text, [&count](std::uint32_t, std::string_view) { ++count; });
  return count;
}

std::string shortened(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  constexpr std::string_view dots = "...";
  const std::size_t keep = width > dots.size() ? width - dots.size() : 0;
  std::string out;
  std::size_t count = 0;
  for_each_character(text, [&](std::uint32_t, std::string_view bytes) {
    if (count++ < keep) out += bytes;
  });
  return out + std::string(dots.substr(0, width));
}

std::string quoted(std::string_view word) {
  constexpr std::string_view safe =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(safe) == std::string_view::npos)
    return std::string(word);
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

}  // namespace nospof::report
