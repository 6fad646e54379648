#pragma once
// Operations as a table with a bar for each, so that one sees what overlapped.

#include <span>
#include <string>

#include "history/operation.hpp"

namespace nospof::history {

/// A line for each operation, indented; of more than `most` only the first of them, and how many
/// there are beside.
std::string timeline(std::span<const Operation> operations, std::size_t most = 40);

}  // namespace nospof::history
