// docs/topology.md and docs/experiment.md have a row for every field that the readers know, with
// its default.

#include <algorithm>
#include <sstream>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "system/fd.hpp"
#include "tests/unit/spec/support.hpp"

namespace nospof::spec::test {
namespace {

namespace json = boost::json;

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(value.as_string()) : json::serialize(value);
}

bool is_required(const json::object& owner, const std::string& key) {
  const json::value* required = owner.if_contains("required");
  if (required == nullptr) return false;
  for (const json::value& item : required->as_array()) {
    if (item.as_string() == key) return true;
  }
  return false;
}

/// What may stand there: choices, a range, or what the schema's description expects.
std::string value_of(const json::object& field, const std::string& expected) {
  if (const json::value* choices = field.if_contains("enum")) {
    std::string text;
    for (const json::value& choice : choices->as_array()) {
      if (choice.is_string()) text += (text.empty() ? "`" : ", `") + text_of(choice) + "`";
    }
    return text;
  }
  const json::value* type = field.if_contains("type");
  return expected.empty() && type != nullptr && *type == "object" ? "a map" : expected;
}

/// "| `hosts.NAME.address` | an IPv4 address such as 198.18.0.11 | required | IPv4 address in the
/// subnet. |"
void add_rows(const json::object& owner, const std::string& prefix, std::vector<std::string>& out) {
  const json::value* properties = owner.if_contains("properties");
  if (properties == nullptr) return;
  for (const auto& property : properties->as_object()) {
    const json::object& field = property.value().as_object();
    const std::string key(property.key());
    const std::string path = prefix + key;
    std::string doc(field.at("description").as_string());
    std::string expected;
    if (const std::size_t at = doc.find(" Expected: "); at != std::string::npos) {
      expected = doc.substr(at + 11, doc.size() - at - 12);
      doc.resize(at);
    }
    std::string fallback = is_required(owner, key) ? "required" : "";
    if (const json::value* value = field.if_contains("default")) {
      fallback = "`" + text_of(*value) + "`";
    }
    out.push_back(
        fmt::format("| `{}` | {} | {} | {} |", path, value_of(field, expected), fallback, doc));
    add_rows(field, path + ".", out);
    const json::value* entry = field.if_contains("additionalProperties");
    if (entry != nullptr && entry->is_object()) add_rows(entry->as_object(), path + ".NAME.", out);
    const json::value* items = field.if_contains("items");
    if (items != nullptr) add_rows(items->as_object(), path + "[].", out);
  }
}

void expect_documented(const std::string& kind) {
  const std::string doc = read_file(source("docs/" + kind + ".md"));
  std::vector<std::string> rows;
  add_rows(json::parse(json_schema(kind, catalogue())).as_object(), "", rows);
  ASSERT_GT(rows.size(), 10U);
  std::string missing;
  for (const std::string& row : rows) {
    if (doc.find(row + "\n") == std::string::npos) missing += row + "\n";
  }
  EXPECT_EQ(missing, "") << "not in docs/" << kind << ".md";
  // Nor does a row stand there for a field that is gone.
  std::string stale;
  bool in_table = false;
  std::istringstream lines(doc);
  for (std::string line; std::getline(lines, line);) {
    if (line == "| field | value | default | what |") in_table = true;
    if (!line.starts_with("|")) in_table = false;
    const bool is_row = in_table && line.starts_with("| `");
    if (is_row && std::ranges::find(rows, line) == rows.end()) stale += line + "\n";
  }
  EXPECT_EQ(stale, "") << "in docs/" << kind << ".md, but unknown to the reader";
}

TEST(TheDocs, HaveEveryFieldOfATopology) {
  expect_documented("topology");
}

TEST(TheDocs, HaveEveryFieldOfAnExperiment) {
  expect_documented("experiment");
}

}  // namespace
}  // namespace nospof::spec::test
