#include "history/timeline.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "spec/units.hpp"

namespace nospof::history {

namespace {

// The places that occur -> columns without gaps.
std::map<std::size_t, std::size_t> columns_of(std::span<const Operation> operations) {
  std::map<std::size_t, std::size_t> columns;
  for (const Operation& operation : operations) {
    columns[operation.invoked];
    if (operation.returned) columns[*operation.returned];
  }
  std::size_t next = 0;
  for (auto& [place, column] : columns) column = next++;
  return columns;
}

// "  [--]  "; "  [--->" when it has no return that bounds it.
std::string bar(const Operation& operation, const std::map<std::size_t, std::size_t>& columns) {
  const std::size_t begin = columns.at(operation.invoked);
  const bool ends = operation.returned && operation.outcome != Outcome::unknown;
  const std::size_t end = ends ? columns.at(*operation.returned) : columns.size();
  return std::string(begin, ' ') + "[" + std::string(end - begin - 1, '-') + (ends ? "]" : ">");
}

std::string lines_text(const Operation& operation) {
  if (operation.return_line == 0) return fmt::format("{}", operation.line);
  return fmt::format("{}..{}", operation.line, operation.return_line);
}

std::string time_text(const Operation& operation, std::int64_t first_ns) {
  if (!operation.invoked_ns) return "";
  const auto since = [&](std::int64_t ns) {
    return spec::human_duration(spec::Duration(ns - first_ns));
  };
  return fmt::format("{} .. {}", since(*operation.invoked_ns),
                     operation.returned_ns ? since(*operation.returned_ns) : "?");
}

std::string what_text(const Operation& operation) {
  return describe(operation) + (operation.outcome == Outcome::unknown ? " (no answer)" : "");
}

using Cells = std::vector<std::string>;

// Columns padded to their widest cell; one without any text is left out.
std::string table(const std::vector<Cells>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Cells& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const Cells& row : rows) {
    std::string line = "   ";
    for (std::size_t i = 0; i < row.size(); ++i)
      if (widths[i] > 0) line += fmt::format(" {:<{}} ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace

std::string timeline(std::span<const Operation> operations, std::size_t most) {
  const auto shown = operations.first(std::min(most, operations.size()));
  const auto columns = columns_of(shown);
  const bool timed =
      std::ranges::any_of(shown, [](const Operation& o) { return o.invoked_ns.has_value(); });
  std::int64_t first_ns = 0;
  for (const Operation& operation : shown) {
    if (!operation.invoked_ns) continue;
    first_ns = *operation.invoked_ns;
    break;
  }
  std::vector<Cells> rows{{"lines", "client", "operation", timed ? "time" : "", ""}};
  for (const Operation& operation : shown)
    rows.push_back({lines_text(operation), fmt::format("{}", operation.process),
                    what_text(operation), time_text(operation, first_ns), bar(operation, columns)});
  std::string text = table(rows);
  if (shown.size() < operations.size())
    text += fmt::format("    and {} more\n", operations.size() - shown.size());
  return text;
}

}  // namespace nospof::history
