#include "probes/key_reader.hpp"

#include <algorithm>
#include <cmath>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "system/check.hpp"

namespace nospof::probes {

namespace json = boost::json;

namespace {
constexpr double rate_limit = 100'000;
}  // namespace

std::string KeyReader::text(std::string_view key, std::string_view otherwise) {
  const json::value* found = find(key);
  if (found == nullptr) return std::string(otherwise);
  if (!found->is_string()) refuse(key, *found, "a text");
  return std::string(found->as_string());
}

std::string KeyReader::required_text(std::string_view key) {
  std::string found = text(key, "");
  if (found.empty()) refuse(fmt::format("{} is missing", key));
  return found;
}

std::string KeyReader::choice(std::string_view key, const std::vector<std::string>& choices,
                              std::string_view otherwise) {
  std::string found = text(key, otherwise);
  if (std::ranges::find(choices, found) == choices.end())
    refuse(key, json::value(found), fmt::format("\"{}\"", fmt::join(choices, "\" or \"")));
  return found;
}

bool KeyReader::boolean(std::string_view key, bool otherwise) {
  const json::value* found = find(key);
  if (found == nullptr) return otherwise;
  if (!found->is_bool()) refuse(key, *found, "true or false");
  return found->as_bool();
}

std::int64_t KeyReader::integer(std::string_view key, std::int64_t otherwise, std::int64_t lowest,
                                std::int64_t highest) {
  const json::value* found = find(key);
  if (found == nullptr) return otherwise;
  boost::system::error_code error;
  const auto value = found->is_double() ? 0 : found->to_number<std::int64_t>(error);
  if (found->is_double() || error || value < lowest || value > highest)
    refuse(key, *found, fmt::format("an integer from {} to {}", lowest, highest));
  return value;
}

double KeyReader::required_rate(std::string_view key) {
  const json::value* found = find(key);
  if (found == nullptr) refuse(fmt::format("{} is missing", key));
  boost::system::error_code error;
  const auto value = found->to_number<double>(error);
  if (error || !std::isfinite(value) || value <= 0 || value > rate_limit)
    refuse(key, *found, fmt::format("a number above 0, at most {}", rate_limit));
  return value;
}

std::vector<std::string> KeyReader::texts(std::string_view key) {
  const json::value* found = find(key);
  if (found == nullptr) return {};
  if (!found->is_array()) refuse(key, *found, "a list of texts");
  std::vector<std::string> texts;
  for (const json::value& item : found->as_array()) {
    if (!item.is_string()) refuse(key, *found, "a list of texts");
    texts.emplace_back(item.as_string());
  }
  return texts;
}

void KeyReader::refuse_unknown() const {
  for (const auto& [key, value] : object_)
    if (!known_.contains(key)) refuse(fmt::format("unknown key '{}'", std::string_view(key)));
}

void KeyReader::refuse(std::string_view key, const json::value& found,
                       std::string_view expected) const {
  refuse(fmt::format("{} is {}, expected {}", key, json::serialize(found), expected));
}

void KeyReader::refuse(std::string_view problem) const {
  throw Error(fmt::format("{} probe: {}", probe_, problem));
}

const json::value* KeyReader::find(std::string_view key) {
  known_.insert(key);
  return object_.if_contains(key);
}

}  // namespace nospof::probes
