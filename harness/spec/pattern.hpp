#pragma once
// A regular expression of a topology, searched in what a program on a host prints: text that nobody
// of us wrote, and of any length.

#include <string>
#include <string_view>

namespace nospof::spec {

/// Whether `expression` (ECMAScript; '.' is no line's end, '^' and '$' are the ends of the whole
/// text) is found anywhere in the text. Throws Error when it is no regular expression, or when
/// looking for it takes more steps or memory than any good one does. std::regex would need a piece
/// of stack for each character, and time without bounds.
bool found_in(std::string_view text, const std::string& expression);

/// What is wrong with an expression; empty: nothing.
std::string fault_of_expression(const std::string& expression);

}  // namespace nospof::spec
