#pragma once
// A history: what clients did to a system under test, as it was recorded, and the one function that
// reads it. docs/history.md describes the formats.

#include <string>
#include <string_view>
#include <vector>

#include "history/operation.hpp"

namespace nospof::history {

enum class Format { automatic, jepsen_log, edn, json };

/// A register holds one value; a ledger takes rows that must stay. Which one it is shows in the
/// functions that are called: only a ledger has `add`.
enum class Model { cas_register, ledger };

struct History {
  Format format = Format::automatic;  ///< in which it was found
  Model model = Model::cas_register;
  std::vector<Operation> operations;  ///< by invocation
  std::size_t events = 0;             ///< invocations and returns; places are below this
  std::size_t passed_over = 0;        ///< lines or maps that are about no client's operation
};

/// More than this is refused, so that memory stays bounded whatever the input.
constexpr std::size_t most_bytes = std::size_t{256} << 20U;
constexpr std::size_t most_events = 1'000'000;
constexpr std::size_t most_rows = 8'000'000;  ///< in all reads together

/// Reads a history. Of several things that are wrong the first is thrown, as spec::SpecError with
/// `file` (a name for messages only), line and column (in bytes, from 1) and what was expected
/// there. Takes any bytes, keeps no state.
History parse_history(std::string_view text, Format format = Format::automatic,
                      const std::string& file = "history");
/// The same for a file; SpecError also when it cannot be read.
History read_history(const std::string& path, Format format = Format::automatic);

/// "auto", "jepsen-log", "edn" or "json"; throws Error naming these for any other text.
Format parse_format(std::string_view text);
std::string name_of(Format format);
/// "register" or "ledger".
std::string name_of(Model model);

}  // namespace nospof::history
