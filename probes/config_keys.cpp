#include "probes/config_keys.hpp"

#include <algorithm>
#include <cmath>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "system/check.hpp"

namespace nospof::probes {

namespace json = boost::json;

void ConfigKeys::refuse(std::string_view key, const json::value& found,
                        std::string_view expected) const {
  refuse(fmt::format("{} is {}, expected {}", key, json::serialize(found), expected));
}

void ConfigKeys::refuse(std::string_view problem) const {
  throw Error(fmt::format("{}: {}", whose_, problem));
}

const json::value* ConfigKeys::find(std::string_view key) {
  known_.insert(key);
  return object_.if_contains(key);
}

void ConfigKeys::require(std::string_view key) const {
  if (!object_.contains(key)) refuse(fmt::format("{} is missing", key));
}

std::string ConfigKeys::text(std::string_view key, std::string_view otherwise) {
  const json::value* found = find(key);
  if (found == nullptr) return std::string(otherwise);
  if (!found->is_string()) refuse(key, *found, "a text");
  return std::string(found->as_string());
}

std::string ConfigKeys::required_text(std::string_view key) {
  require(key);
  std::string found = text(key, "");
  if (found.empty()) refuse(key, json::value(""), "a text that is not empty");
  return found;
}

std::string ConfigKeys::choice(std::string_view key, const std::vector<std::string_view>& choices) {
  std::string found = text(key, choices.front());
  if (std::ranges::find(choices, found) == choices.end()) {
    std::vector<std::string> quoted;
    for (const std::string_view choice : choices) quoted.push_back(fmt::format("\"{}\"", choice));
    refuse(key, json::value(found), fmt::format("{}", fmt::join(quoted, " or ")));
  }
  return found;
}

std::int64_t ConfigKeys::integer(std::string_view key, std::int64_t otherwise, std::int64_t lowest,
                                 std::int64_t highest) {
  const json::value* found = find(key);
  if (found == nullptr) return otherwise;
  boost::system::error_code error;
  const auto value = found->is_double() ? 0 : found->to_number<std::int64_t>(error);
  if (found->is_double() || error || value < lowest || value > highest)
    refuse(key, *found, fmt::format("an integer from {} to {}", lowest, highest));
  return value;
}

std::int64_t ConfigKeys::required_integer(std::string_view key, std::int64_t lowest,
                                          std::int64_t highest) {
  require(key);
  return integer(key, lowest, lowest, highest);
}

Nanoseconds ConfigKeys::duration(std::string_view key, Nanoseconds otherwise, Nanoseconds lowest,
                                 Nanoseconds highest) {
  return Nanoseconds(integer(key, otherwise.count(), lowest.count(), highest.count()));
}

bool ConfigKeys::boolean(std::string_view key, bool otherwise) {
  const json::value* found = find(key);
  if (found == nullptr) return otherwise;
  if (!found->is_bool()) refuse(key, *found, "true or false");
  return found->as_bool();
}

bool ConfigKeys::required_boolean(std::string_view key) {
  require(key);
  return boolean(key, false);
}

double ConfigKeys::rate(std::string_view key, double lowest, double highest) {
  require(key);
  const json::value* found = find(key);
  boost::system::error_code error;
  const auto value = found->to_number<double>(error);
  if (error || !std::isfinite(value) || value < lowest || value > highest)
    refuse(key, *found, fmt::format("a number from {} to {}", lowest, highest));
  return value;
}

std::vector<std::string> ConfigKeys::texts(std::string_view key) {
  const json::value* found = find(key);
  if (found == nullptr) return {};
  if (!found->is_array()) refuse(key, *found, "a list of texts");
  std::vector<std::string> texts;
  for (const json::value& entry : found->as_array()) {
    if (!entry.is_string()) refuse(key, entry, "a list of texts");
    texts.emplace_back(entry.as_string());
  }
  return texts;
}

std::vector<const json::object*> ConfigKeys::objects(std::string_view key, std::size_t most) {
  require(key);
  const json::value* found = find(key);
  if (!found->is_array()) refuse(key, *found, "a list of objects");
  const json::array& list = found->as_array();
  if (list.empty() || list.size() > most)
    refuse(fmt::format("{} has {} entries, expected 1 to {}", key, list.size(), most));
  std::vector<const json::object*> objects;
  for (const json::value& entry : list) {
    if (!entry.is_object()) refuse(key, entry, "a list of objects");
    objects.push_back(&entry.as_object());
  }
  return objects;
}

void ConfigKeys::refuse_unknown() const {
  for (const auto& [key, value] : object_)
    if (!known_.contains(key)) refuse(fmt::format("unknown key '{}'", std::string_view(key)));
}

}  // namespace nospof::probes
