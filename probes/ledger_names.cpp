#include "probes/ledger_names.hpp"

#include <charconv>

#include <fmt/format.h>

namespace nospof::probes {

namespace {

// Ids stand in URLs by the hundred, so they are kept short.
std::string base36(std::uint64_t number) {
  std::string text;
  do {
    text.insert(text.begin(), "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36]);
    number /= 36;
  } while (number > 0);
  return text;
}

}  // namespace

LedgerNames::LedgerNames(std::string_view marker, std::uint64_t start)
    : head_(fmt::format("{}-{}-", marker, base36(start))) {}

std::string LedgerNames::row(int session, std::int64_t number) const {
  return fmt::format("{}w{}-{}", head_, session, number);
}

std::string LedgerNames::row_token(std::int64_t number) const {
  return fmt::format("{}v{}", head_, number);
}

std::string LedgerNames::register_key(std::int64_t number) const {
  return fmt::format("{}r{}", head_, number);
}

std::string LedgerNames::register_token(std::int64_t number) const {
  return fmt::format("{}x{}", head_, number);
}

std::optional<std::int64_t> LedgerNames::row_of(std::string_view token) const {
  return number_of(token, 'v');
}

std::optional<std::int64_t> LedgerNames::register_value_of(std::string_view token) const {
  return number_of(token, 'x');
}

std::optional<std::int64_t> LedgerNames::number_of(std::string_view token, char kind) const {
  if (!token.starts_with(head_)) return std::nullopt;
  token.remove_prefix(head_.size());
  if (!token.starts_with(kind)) return std::nullopt;
  token.remove_prefix(1);
  std::int64_t number = 0;
  const char* end = token.data() + token.size();
  const auto [rest, error] = std::from_chars(token.data(), end, number);
  const bool plain = error == std::errc() && rest == end && number >= 0 &&
                     (token == "0" || !token.starts_with('0'));
  if (!plain) return std::nullopt;
  return number;
}

}  // namespace nospof::probes
