#include "probes/json_field.hpp"

#include <charconv>

#include <boost/json.hpp>

namespace nospof::probes {

namespace json = boost::json;

namespace {

const json::value* step_into(const json::value& value, std::string_view key) {
  if (const json::object* object = value.if_object()) return object->if_contains(key);
  const json::array* array = value.if_array();
  if (array == nullptr) return nullptr;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
  if (error != std::errc{} || end != key.data() + key.size()) return nullptr;
  return array->if_contains(index);
}

}  // namespace

JsonNumber json_number_at(std::string_view text, std::string_view path) {
  JsonNumber number;
  boost::system::error_code error;
  const json::value root = json::parse({text.data(), text.size()}, error);
  number.is_json = !error;
  if (error) return number;
  const json::value* value = &root;
  while (value != nullptr && !path.empty()) {
    const std::size_t dot = path.find('.');
    value = step_into(*value, path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  if (value == nullptr) return number;
  if (value->is_number()) number.value = value->to_number<double>();
  if (value->is_bool()) number.value = value->as_bool() ? 1 : 0;
  return number;
}

}  // namespace nospof::probes
