#include "agent/arguments.hpp"

#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::agent {

const json::value* Arguments::find(const char* name) {
  read_.insert(name);
  return fields_.if_contains(name);
}

const json::value& Arguments::need(const char* name, const char* expected) {
  const json::value* value = find(name);
  if (value == nullptr) throw Error(fmt::format("'{}' is missing; expected {}", name, expected));
  return *value;
}

std::string Arguments::text(const char* name) {
  const json::value& value = need(name, "a text");
  if (!value.is_string() || value.as_string().empty())
    throw Error(fmt::format("'{}' must be a text that is not empty", name));
  return std::string(value.as_string());
}

std::optional<std::string> Arguments::optional_text(const char* name) {
  if (find(name) == nullptr) return std::nullopt;
  return text(name);
}

std::int64_t Arguments::integer(const char* name, std::int64_t least, std::int64_t most) {
  const json::value& value = need(name, "an integer");
  // What does not fit into 64 bits signed is parsed as uint64 or double.
  if (!value.is_int64() || value.as_int64() < least || value.as_int64() > most)
    throw Error(fmt::format("'{}' must be an integer from {} to {}", name, least, most));
  return value.as_int64();
}

std::chrono::milliseconds Arguments::milliseconds(const char* name, std::chrono::milliseconds least,
                                                  std::chrono::milliseconds most) {
  return std::chrono::milliseconds(integer(name, least.count(), most.count()));
}

json::object Arguments::object(const char* name) {
  const json::value& value = need(name, "an object");
  if (!value.is_object()) throw Error(fmt::format("'{}' must be an object", name));
  return value.as_object();
}

json::array Arguments::array(const char* name, std::size_t most) {
  const json::value& value = need(name, "a list");
  if (!value.is_array() || value.as_array().empty() || value.as_array().size() > most)
    throw Error(fmt::format("'{}' must be a list of 1 to {} entries", name, most));
  return value.as_array();
}

std::vector<std::string> Arguments::texts(const char* name, std::size_t most) {
  std::vector<std::string> result;
  for (const json::value& entry : array(name, most)) {
    if (!entry.is_string() || entry.as_string().find('\0') != json::string::npos)
      throw Error(fmt::format("'{}' must be a list of texts", name));
    result.emplace_back(entry.as_string());
  }
  return result;
}

void Arguments::finish() const {
  for (const auto& entry : fields_)
    if (!read_.contains(std::string(entry.key())))
      throw Error(fmt::format("unknown field '{}'", std::string_view(entry.key())));
}

}  // namespace nospof::agent
