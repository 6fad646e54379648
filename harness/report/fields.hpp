#pragma once
// The fields of one event of a run, as they are asked for by name.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "system/check.hpp"
#include "system/clock.hpp"

namespace nospof::report {

namespace json = boost::json;

/// More labs than any machine runs at once; a damaged number is not to fill the memory.
inline constexpr std::int64_t most_labs = 64;
/// No machine is up for 36 years. Below this no sum or difference of times overflows.
inline constexpr std::int64_t most_ns = std::int64_t{1} << 60U;

/// Fields of an event. A field that is missing or of another type is an Error naming it, unless a
/// function says otherwise.
class Fields {
 public:
  explicit Fields(const json::object& object) : object_(object) {}

  std::string text(const char* key) const {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr || !value->is_string())
      throw Error(fmt::format("'{}' is missing or is no text", key));
    return std::string(value->as_string());
  }
  bool has(const char* key) const { return object_.contains(key); }
  /// Both are empty when it is missing.
  std::vector<std::string> texts(const char* key) const {
    std::vector<std::string> found;
    const json::value* value = object_.if_contains(key);
    if (value == nullptr || !value->is_array()) return found;
    for (const json::value& entry : value->get_array())
      if (entry.is_string()) found.emplace_back(entry.get_string());
    return found;
  }
  std::string optional_text(const char* key) const {
    return object_.contains(key) ? text(key) : std::string();
  }
  std::optional<std::int64_t> optional_integer(const char* key) const {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr) return std::nullopt;
    boost::system::error_code error;
    const auto number = value->to_number<std::int64_t>(error);
    if (error) throw Error(fmt::format("'{}' is no whole number", key));
    if (std::string_view(key).ends_with("_ns") && (number > most_ns || number < -most_ns))
      throw Error(fmt::format("'{}' is a time that no clock says", key));
    return number;
  }
  std::int64_t integer(const char* key) const {
    if (const auto number = optional_integer(key)) return *number;
    throw Error(fmt::format("'{}' is missing", key));
  }
  std::uint64_t count(const char* key, std::optional<std::int64_t> otherwise = {}) const {
    const std::int64_t number =
        otherwise ? optional_integer(key).value_or(*otherwise) : integer(key);
    if (number < 0) throw Error(fmt::format("'{}' is less than nothing", key));
    return static_cast<std::uint64_t>(number);
  }
  Nanoseconds duration(const char* key) const { return Nanoseconds(integer(key)); }
  bool boolean(const char* key) const {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr || !value->is_bool())
      throw Error(fmt::format("'{}' is missing or is no truth value", key));
    return value->as_bool();
  }
  json::object object(const char* key) const {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr || !value->is_object())
      throw Error(fmt::format("'{}' is missing or is no object", key));
    return value->as_object();
  }
  /// Empty when it is missing.
  std::vector<json::object> objects(const char* key) const {
    std::vector<json::object> list;
    const json::value* value = object_.if_contains(key);
    if (value == nullptr) return list;
    if (!value->is_array()) throw Error(fmt::format("'{}' is no list", key));
    for (const json::value& entry : value->as_array()) {
      if (!entry.is_object()) throw Error(fmt::format("'{}' has an entry that is no object", key));
      list.push_back(entry.as_object());
    }
    return list;
  }
  /// Empty when it is missing.
  std::vector<std::size_t> places(const char* key) const {
    std::vector<std::size_t> list;
    const json::value* value = object_.if_contains(key);
    if (value == nullptr) return list;
    if (!value->is_array()) throw Error(fmt::format("'{}' is no list", key));
    for (const json::value& entry : value->as_array()) {
      boost::system::error_code error;
      list.push_back(entry.to_number<std::size_t>(error));
      if (error) throw Error(fmt::format("'{}' has an entry that is no place in a list", key));
    }
    return list;
  }
  /// The lab that an event is of. Runs that knew of one only do not tell it.
  int lab() const {
    const json::value* value = object_.if_contains("lab");
    if (value == nullptr || !value->is_number()) return 1;
    const std::int64_t number = integer("lab");
    if (number < 1 || number > most_labs) throw Error(fmt::format("'lab' {} is none", number));
    return static_cast<int>(number);
  }
  std::optional<double> optional_number(const char* key) const {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr || !value->is_number()) return std::nullopt;
    return value->to_number<double>();
  }

 private:
  const json::object& object_;
};

}  // namespace nospof::report
