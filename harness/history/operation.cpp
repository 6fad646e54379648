#include "history/operation.hpp"

#include <fmt/format.h>

namespace nospof::history {

namespace {

std::string row_text(const Row& row) {
  return row.value ? fmt::format("{} = {}", row.id, *row.value) : fmt::format("{}", row.id);
}

}  // namespace

std::string name_of(Function function) {
  switch (function) {
    case Function::read:
      return "read";
    case Function::write:
      return "write";
    case Function::cas:
      return "cas";
    case Function::add:
      return "add";
  }
  return "";
}

std::string value_text(const Value& value) {
  return value ? fmt::format("{}", *value) : "nil";
}

std::string describe(const Operation& operation) {
  switch (operation.function) {
    case Function::read:
      if (operation.outcome != Outcome::ok) return "read";
      if (operation.rows.empty()) return "read " + value_text(operation.value);
      return operation.rows.size() == 1 ? "read " + row_text(operation.rows.front())
                                        : fmt::format("read {} rows", operation.rows.size());
    case Function::write:
      return "write " + value_text(operation.value);
    case Function::cas:
      return fmt::format("cas {} -> {}", value_text(operation.expected),
                         value_text(operation.value));
    case Function::add:
      return operation.rows.empty() ? "add" : "add " + row_text(operation.rows.front());
  }
  return "";
}

}  // namespace nospof::history
