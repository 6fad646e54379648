#include "kinds/operation.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::kinds {

namespace {

namespace json = boost::json;

// By the numbers of Event and Function.
constexpr std::array<std::string_view, 4> events{"invoke", "ok", "fail", "info"};
constexpr std::array<std::string_view, 3> functions{"add", "read", "write"};

template <typename Enum>
Enum named(const auto& names, const json::value& value) {
  const auto found = std::ranges::find(names, std::string_view(value.as_string()));
  if (found == names.end())
    throw Error(fmt::format("'{}' is no part of an operation", value.as_string().c_str()));
  return static_cast<Enum>(found - names.begin());
}

json::value optional_json(const std::optional<std::int64_t>& number) {
  return number ? json::value(*number) : json::value();
}

std::optional<std::int64_t> optional_from(const json::value& value) {
  if (value.is_null()) return std::nullopt;
  return value.to_number<std::int64_t>();
}

}  // namespace

json::array operation_json(const Operation& operation) {
  json::array rows;
  for (const Operation::Row& row : operation.rows)
    rows.push_back(row.value ? json::value(json::array{row.id, *row.value}) : json::value(row.id));
  return {operation.at_ns,
          operation.process,
          events.at(static_cast<std::size_t>(operation.event)),
          functions.at(static_cast<std::size_t>(operation.function)),
          operation.register_key,
          optional_json(operation.value),
          optional_json(operation.row),
          std::move(rows)};
}

Operation operation_from_json(const json::array& fields) {
  Operation operation;
  operation.at_ns = fields.at(0).to_number<std::int64_t>();
  operation.process = fields.at(1).to_number<std::int64_t>();
  operation.event = named<Operation::Event>(events, fields.at(2));
  operation.function = named<Operation::Function>(functions, fields.at(3));
  operation.register_key = fields.at(4).as_string();
  operation.value = optional_from(fields.at(5));
  operation.row = optional_from(fields.at(6));
  for (const json::value& row : fields.at(7).as_array()) {
    if (const json::array* pair = row.if_array())
      operation.rows.push_back(
          {pair->at(0).to_number<std::int64_t>(), pair->at(1).to_number<std::int64_t>()});
    else
      operation.rows.push_back({row.to_number<std::int64_t>(), {}});
  }
  return operation;
}

}  // namespace nospof::kinds
