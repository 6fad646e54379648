#pragma once
// The fields of one request, read with their types; what nobody reads is an error.

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace nospof::agent {

namespace json = boost::json;

/// Reads a request's fields. All throw Error naming the field and what was expected.
class Arguments {
 public:
  explicit Arguments(json::object fields) : fields_(std::move(fields)) {}

  std::string text(const char* name);
  std::optional<std::string> optional_text(const char* name);
  std::int64_t integer(const char* name, std::int64_t least, std::int64_t most);
  std::chrono::milliseconds milliseconds(const char* name, std::chrono::milliseconds least,
                                         std::chrono::milliseconds most);
  json::object object(const char* name);
  json::array array(const char* name, std::size_t most);
  std::vector<std::string> texts(const char* name, std::size_t most);
  /// Throws when there are fields that were not read.
  void finish() const;

 private:
  const json::value* find(const char* name);
  const json::value& need(const char* name, const char* expected);

  json::object fields_;
  std::set<std::string> read_;
};

}  // namespace nospof::agent
