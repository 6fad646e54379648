#include "probes/checked_keys.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::probes {

namespace json = boost::json;

const json::value* CheckedKeys::find(std::string_view key) {
  known_.emplace(key);
  return object_.if_contains(key);
}

void CheckedKeys::refuse(std::string_view key, std::string_view expected) const {
  const json::value* found = object_.if_contains(key);
  throw Error(fmt::format("{} probe: {} is {}, expected {}", probe_, key,
                          found == nullptr ? "missing" : json::serialize(*found), expected));
}

std::string CheckedKeys::text(std::string_view key) {
  const json::value* found = find(key);
  if (found == nullptr || !found->is_string()) refuse(key, "a text");
  return std::string(found->as_string());
}

std::int64_t CheckedKeys::integer(std::string_view key, std::int64_t otherwise, std::int64_t lowest,
                                  std::int64_t highest) {
  const json::value* found = find(key);
  if (found == nullptr) return otherwise;
  boost::system::error_code error;
  const auto value = found->is_double() ? 0 : found->to_number<std::int64_t>(error);
  if (found->is_double() || error || value < lowest || value > highest)
    refuse(key, fmt::format("an integer from {} to {}", lowest, highest));
  return value;
}

Nanoseconds CheckedKeys::duration(std::string_view name, Nanoseconds otherwise,
                                  Nanoseconds shortest, Nanoseconds longest) {
  return Nanoseconds(
      integer(std::string(name) + "_ns", otherwise.count(), shortest.count(), longest.count()));
}

void CheckedKeys::refuse_unknown() const {
  for (const auto& [key, value] : object_)
    if (!known_.contains(std::string_view(key)))
      throw Error(fmt::format("{} probe: unknown key '{}'", probe_, std::string_view(key)));
}

}  // namespace nospof::probes
