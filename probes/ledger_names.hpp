#pragma once
// How the ledger probe spells what it stores, and reads it back. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nospof::probes {

/// Everything begins with the marker and a word that is new with every start of the probe, so that
/// no id is ever used a second time. Rows and the values of registers have numbers from 0 on.
class LedgerNames {
 public:
  LedgerNames(std::string_view marker, std::uint64_t start);

  std::string row(int session, std::int64_t number) const;  ///< "<head>-w2-17"
  std::string row_token(std::int64_t number) const;         ///< "<head>-v17"
  std::string register_key(std::int64_t number) const;      ///< "<head>-r3"
  std::string register_token(std::int64_t number) const;    ///< "<head>-x17"

  /// The number of the row, or of the value, that a token was made for; none: it is none of these.
  std::optional<std::int64_t> row_of(std::string_view token) const;
  std::optional<std::int64_t> register_value_of(std::string_view token) const;

 private:
  std::optional<std::int64_t> number_of(std::string_view token, char kind) const;
  std::string head_;
};

}  // namespace nospof::probes
