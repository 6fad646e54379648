#include "system/pretty_json.hpp"

#include <algorithm>

#include <boost/json.hpp>

namespace nospof {

namespace json = boost::json;

namespace {

bool is_numbers(const json::array& array) {
  return std::ranges::all_of(array, [](const json::value& value) { return value.is_number(); });
}

void write_pretty(const json::value& value, std::size_t depth, std::string& out) {
  const std::string indent(2 * depth + 2, ' ');
  const auto* object = value.if_object();
  const auto* array = value.if_array();
  if ((object == nullptr || object->empty()) && (array == nullptr || is_numbers(*array))) {
    out += json::serialize(value);
    return;
  }
  out += object != nullptr ? "{\n" : "[\n";
  bool first = true;
  const auto begin_entry = [&] {
    if (!first) out += ",\n";
    first = false;
    out += indent;
  };
  if (object != nullptr) {
    for (const auto& entry : *object) {
      begin_entry();
      out += json::serialize(json::string(entry.key())) + ": ";
      write_pretty(entry.value(), depth + 1, out);
    }
  } else {
    for (const json::value& entry : *array) {
      begin_entry();
      write_pretty(entry, depth + 1, out);
    }
  }
  out += "\n" + std::string(2 * depth, ' ') + (object != nullptr ? "}" : "]");
}

}  // namespace

std::string pretty_json(const json::value& value) {
  std::string text;
  write_pretty(value, 0, text);
  return text + "\n";
}

}  // namespace nospof
