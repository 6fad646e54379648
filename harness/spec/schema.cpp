// JSON Schema (draft 7) from the tables that the reader uses.

#include <regex>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "spec/experiment_table.hpp"
#include "spec/reader.hpp"
#include "spec/topology_table.hpp"

namespace nospof::spec {

namespace {

namespace json = boost::json;

json::object schema_of(const Shape& shape);

json::array texts(const std::vector<std::string>& items) {
  json::array array;
  for (const std::string& item : items) array.emplace_back(item);
  return array;
}

std::string anchored(const std::string& pattern) {
  return "^(?:" + pattern + ")$";
}

json::object text_schema(const Shape& shape) {
  if (!shape.choices.empty()) {
    json::array choices = texts(shape.choices);
    // Readers of YAML 1.1 take an unquoted no for false.
    for (const std::string& choice : shape.choices) {
      if (choice == "no") choices.emplace_back(false);
    }
    return {{"enum", choices}};
  }
  if (shape.pattern.empty()) return {{"type", {"string", "number", "boolean"}}};
  json::object schema;
  const std::regex expression(shape.pattern);
  // An unquoted number is a number to a validator, and a text to the reader.
  const bool numbers = std::regex_match("1", expression);
  const bool zero = std::regex_match("0", expression);
  if (numbers || zero) {
    schema["type"] = {"string", "integer"};
    if (!numbers) schema["minimum"] = schema["maximum"] = 0;
  } else {
    schema["type"] = "string";
  }
  schema["pattern"] = anchored(shape.pattern);
  return schema;
}

json::value default_value(const FieldInfo& field) {
  const std::string& text = field.default_text;
  switch (field.shape.kind) {
    case Shape::Kind::boolean:
      return text == "true";
    case Shape::Kind::integer:
      return std::stoll(text);
    default:
      return json::string(text);
  }
}

json::object field_schema(const FieldInfo& field) {
  json::object schema;
  const bool is_leaf = field.shape.kind != Shape::Kind::object && field.shape.choices.empty();
  schema["description"] = is_leaf && !field.shape.expected.empty()
                              ? fmt::format("{} Expected: {}.", field.doc, field.shape.expected)
                              : field.doc;
  for (auto& member : schema_of(field.shape)) schema[member.key()] = member.value();
  if (!field.default_text.empty()) schema["default"] = default_value(field);
  return schema;
}

json::array required_keys(const std::vector<FieldInfo>& fields) {
  json::array keys;
  for (const FieldInfo& field : fields) {
    if (field.required) keys.emplace_back(field.key);
  }
  return keys;
}

json::object properties(const std::vector<FieldInfo>& fields) {
  json::object found;
  for (const FieldInfo& field : fields) found[field.key] = field_schema(field);
  return found;
}

json::object object_schema(const Shape& shape) {
  json::object schema{{"type", "object"},
                      {"additionalProperties", false},
                      {"properties", properties(shape.fields)}};
  const json::array keys = required_keys(shape.fields);
  if (!keys.empty()) schema["required"] = keys;
  json::array cases;
  for (const ShapeCase& found : shape.cases) {
    json::object then{{"properties", properties(found.fields)}};
    const json::array needed = required_keys(found.fields);
    if (!needed.empty()) then["required"] = needed;
    const json::object wanted{{found.key, json::object{{"const", found.value}}}};
    cases.push_back(json::object{{"if", json::object{{"properties", wanted}}}, {"then", then}});
  }
  if (!cases.empty()) schema["allOf"] = cases;
  return schema;
}

json::object list_schema(const Shape& shape) {
  json::object schema{{"type", "array"}, {"items", schema_of(shape.inner.front())}};
  if (shape.low && *shape.low > 0) schema["minItems"] = *shape.low;
  return schema;
}

json::object map_schema(const Shape& shape) {
  json::object schema{{"type", "object"}};
  if (!shape.pattern.empty()) {
    schema["propertyNames"] = json::object{{"pattern", anchored(shape.pattern)}};
  }
  if (!shape.inner.empty()) schema["additionalProperties"] = schema_of(shape.inner.front());
  if (shape.low && *shape.low > 0) schema["minProperties"] = *shape.low;
  return schema;
}

json::object schema_of(const Shape& shape) {
  switch (shape.kind) {
    case Shape::Kind::text:
      return text_schema(shape);
    case Shape::Kind::integer: {
      json::object schema{{"type", "integer"}};
      if (shape.low) schema["minimum"] = *shape.low;
      if (shape.high) schema["maximum"] = *shape.high;
      return schema;
    }
    case Shape::Kind::boolean:
      return {{"type", "boolean"}};
    case Shape::Kind::list:
      return list_schema(shape);
    case Shape::Kind::text_or_list:
      return {{"anyOf", {schema_of(shape.inner.front()), list_schema(shape)}}};
    case Shape::Kind::map:
      return map_schema(shape);
    case Shape::Kind::object:
      return object_schema(shape);
  }
  return {};
}

/// Two spaces per level; lists of plain values on one line.
void print(const json::value& value, std::size_t level, std::string& out) {
  const std::string inner((level + 1) * 2, ' ');
  const std::string outer(level * 2, ' ');
  const char* separator = "\n";
  if (const json::object* object = value.if_object(); object != nullptr && !object->empty()) {
    out += '{';
    for (const auto& member : *object) {
      out += separator + inner + json::serialize(json::value(member.key())) + ": ";
      print(member.value(), level + 1, out);
      separator = ",\n";
    }
    out += "\n" + outer + '}';
    return;
  }
  const json::array* array = value.if_array();
  if (array == nullptr || array->empty() || array->front().is_primitive()) {
    out += json::serialize(value);
    return;
  }
  out += '[';
  for (const json::value& item : *array) {
    out += separator + inner;
    print(item, level + 1, out);
    separator = ",\n";
  }
  out += "\n" + outer + ']';
}

template <typename T>
json::object root_schema(const std::string& kind, const Section<T>& table) {
  json::object schema{{"$schema", "http://json-schema.org/draft-07/schema#"},
                      {"title", "nospof " + kind}};
  for (auto& member : schema_of(object(table).shape)) schema[member.key()] = member.value();
  return schema;
}

}  // namespace

std::string json_schema(const std::string& kind, const Catalogue& catalogue) {
  json::object schema;
  if (kind == "topology") {
    schema = root_schema(kind, topology_table());
  } else if (kind == "experiment") {
    schema = root_schema(kind, experiment_table(catalogue));
  } else {
    throw Error(fmt::format("there is no kind of file {}; known are topology and experiment{}",
                            quote(kind), did_you_mean(kind, {"topology", "experiment"})));
  }
  std::string text;
  print(schema, 0, text);
  return text + "\n";
}

}  // namespace nospof::spec
