#pragma once
// Text that came from elsewhere (daemons' last words, errors), made fit for each kind of report.

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>

namespace nospof::report {

/// Bytes that are no UTF-8 become U+FFFD, so that every reader takes the report.
std::string valid_utf8(std::string_view text);

/// A list of such texts, each made valid.
boost::json::array texts(const std::vector<std::string>& list);

/// The first of them, for people: "a, b and 3 more", eight at most; all of them are in result.json.
std::string some_of(const std::vector<std::string>& list);

/// For XML text and attributes: markup escaped, characters that XML 1.0 forbids become U+FFFD.
std::string xml_text(std::string_view text);

/// For one cell of a Markdown table or one list entry: one line, no markup.
std::string markdown_text(std::string_view text);

/// For a terminal: one line, control characters become '?'.
std::string plain_text(std::string_view text);

/// Cut to `width` columns with "..." at the end, never inside a character.
std::string shortened(std::string_view text, std::size_t width);
/// Columns that a text takes, counted as one per character.
std::size_t columns(std::string_view text);

/// One word of a command line, quoted for a shell where needed. For people to copy; never run.
std::string quoted(std::string_view word);

}  // namespace nospof::report
