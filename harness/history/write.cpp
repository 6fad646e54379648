#include "history/write.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace nospof::history {

namespace {

// In the order of their places.
template <typename Line>
std::string lines_of(const History& history, Line line) {
  std::vector<std::pair<const Operation*, Half>> all(history.events);
  for (const Operation& operation : history.operations) {
    all.at(operation.invoked) = {&operation, Half::invocation};
    if (operation.returned) all.at(*operation.returned) = {&operation, Half::completion};
  }
  std::string text;
  for (const auto& [operation, half] : all)
    if (operation != nullptr) text += line(*operation, half, history.model);
  return text;
}

std::string type_of(const Operation& operation, Half half) {
  if (half == Half::invocation) return "invoke";
  switch (operation.outcome) {
    case Outcome::ok:
      return "ok";
    case Outcome::failed:
      return "fail";
    case Outcome::unknown:
      return "info";
  }
  return "";
}

std::optional<std::int64_t> time_of(const Operation& operation, Half half) {
  return half == Half::completion ? operation.returned_ns : operation.invoked_ns;
}

// How one notation writes the parts of a value.
struct Notation {
  const char* nil;
  const char* between;  ///< items of a list
};

std::string value_in(const Notation& notation, const Value& value) {
  return value ? fmt::format("{}", *value) : notation.nil;
}

std::string row_in(const Notation& notation, const Row& row) {
  if (!row.value) return fmt::format("{}", row.id);
  return fmt::format("[{}{}{}]", row.id, notation.between, *row.value);
}

std::string rows_in(const Notation& notation, const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows)
    text += (text.empty() ? "" : notation.between) + row_in(notation, row);
  return "[" + text + "]";
}

std::string value_of(const Notation& notation, const Operation& operation, Half half, Model model) {
  switch (operation.function) {
    case Function::read:
      if (half == Half::invocation || operation.outcome != Outcome::ok) return notation.nil;
      return model == Model::ledger ? rows_in(notation, operation.rows)
                                    : value_in(notation, operation.value);
    case Function::write:
      return value_in(notation, operation.value);
    case Function::cas:
      return fmt::format("[{}{}{}]", value_in(notation, operation.expected), notation.between,
                         value_in(notation, operation.value));
    case Function::add:
      return row_in(notation, operation.rows.front());
  }
  return notation.nil;
}

bool is_integer(const std::string& key) {
  const std::size_t digits = key.starts_with('-') ? 1 : 0;
  return key.size() > digits && key.size() <= 18 && (key[digits] != '0' || key == "0") &&
         key.find_first_not_of("0123456789", digits) == std::string::npos;
}

std::string edn_key(const std::string& key) {
  if (is_integer(key)) return key;
  std::string text = "\"";
  for (const char c : key) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

}  // namespace

std::string edn_line(const Operation& operation, Half half, Model model) {
  constexpr Notation notation{"nil", " "};
  std::string value = value_of(notation, operation, half, model);
  std::string key;
  if (!operation.key.empty() && model == Model::ledger)
    key = ", :key " + edn_key(operation.key);
  else if (!operation.key.empty())
    value = fmt::format("[{} {}]", edn_key(operation.key), value);
  std::string text = fmt::format("{{:process {}, :type :{}, :f :{}{}, :value {}", operation.process,
                                 type_of(operation, half), name_of(operation.function), key, value);
  if (const auto time = time_of(operation, half)) text += fmt::format(", :time {}", *time);
  return text + "}\n";
}

std::string json_line(const Operation& operation, Half half, Model model) {
  constexpr Notation notation{"null", ","};
  std::string text = fmt::format(R"({{"process":{},"type":"{}","f":"{}")", operation.process,
                                 type_of(operation, half), name_of(operation.function));
  if (!operation.key.empty())
    text += fmt::format(R"(,"key":{})", boost::json::serialize(boost::json::string(operation.key)));
  text += fmt::format(R"(,"value":{})", value_of(notation, operation, half, model));
  if (const auto time = time_of(operation, half)) text += fmt::format(R"(,"time_ns":{})", *time);
  return text + "}\n";
}

std::string edn_text(const History& history) {
  return lines_of(history, edn_line);
}

std::string json_lines(const History& history) {
  return lines_of(history, json_line);
}

}  // namespace nospof::history
