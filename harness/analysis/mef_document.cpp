#include "analysis/mef_document.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace nospof::analysis {

namespace {

template <typename Number>
std::optional<Number> parse(const std::string& text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

}  // namespace

MefDocument::MefDocument(const std::string& text, const std::string& path) : path_(path) {
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1))
    line_ends_.push_back(at);
  const pugi::xml_parse_result result =
      document_.load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
  if (result) return;
  const auto line = std::ranges::lower_bound(line_ends_, static_cast<std::size_t>(result.offset));
  problems_.add(path, {static_cast<int>(line - line_ends_.begin()) + 1, 1},
                fmt::format("not XML: {}", result.description()));
  problems_.raise();
}

Mark MefDocument::mark(pugi::xml_node node) const {
  const std::ptrdiff_t offset = node.offset_debug();
  if (offset < 0) return {};
  const auto place = static_cast<std::size_t>(offset);
  const auto line = std::ranges::lower_bound(line_ends_, place);
  // The offset is that of the name, behind the bracket.
  const std::size_t begin = line == line_ends_.begin() ? 0 : *(line - 1) + 1;
  return {static_cast<int>(line - line_ends_.begin()) + 1,
          static_cast<int>(std::max<std::size_t>(place - begin, 1))};
}

void MefDocument::add(pugi::xml_node node, const std::string& message) {
  problems_.add(path_, mark(node), message);
}

std::vector<pugi::xml_node> MefDocument::elements(pugi::xml_node node) const {
  std::vector<pugi::xml_node> found;
  for (const pugi::xml_node child : node.children()) {
    const std::string_view name = child.name();
    if (child.type() == pugi::node_element && name != "label" && name != "attributes")
      found.push_back(child);
  }
  return found;
}

std::optional<std::string> MefDocument::attribute(pugi::xml_node node, const char* name) {
  const pugi::xml_attribute attribute = node.attribute(name);
  if (attribute && attribute.value()[0] != '\0') return attribute.value();
  add(node, fmt::format("<{}> has no '{}'", node.name(), name));
  return std::nullopt;
}

std::optional<std::string> MefDocument::name(pugi::xml_node node) {
  for (const pugi::xml_node attribute : node.child("attributes").children("attribute"))
    if (std::string_view(attribute.attribute("name").value()) == "nospof-name")
      return this->attribute(attribute, "value");
  return attribute(node, "name");
}

std::optional<std::uint32_t> MefDocument::number(pugi::xml_node node, const char* name) {
  const std::optional<std::string> text = attribute(node, name);
  if (!text) return std::nullopt;
  const auto number = parse<std::uint32_t>(*text);
  if (!number)
    add(node, fmt::format("'{}' of <{}> is {}; expected a whole number", name, node.name(),
                          spec::quote(*text)));
  return number;
}

void MefExpressions::define(const std::string& parameter, pugi::xml_node expression,
                            pugi::xml_node where) {
  if (!parameters_.try_emplace(parameter, Parameter{expression, std::nullopt, false}).second)
    document_.add(where, fmt::format("parameter {} is defined twice", spec::quote(parameter)));
}

std::optional<double> MefExpressions::value(pugi::xml_node expression) {
  if (++depth_ > deepest_mef) {
    --depth_;
    document_.add(expression, "expressions are nested too deep");
    return std::nullopt;
  }
  const std::string_view name = expression.name();
  std::optional<double> result;
  if (name == "float" || name == "int")
    result = literal(expression);
  else if (name == "parameter")
    result = parameter(expression);
  else
    result = operation(expression);
  --depth_;
  return result;
}

std::optional<double> MefExpressions::literal(pugi::xml_node expression) {
  const std::optional<std::string> text = document_.attribute(expression, "value");
  if (!text) return std::nullopt;
  const auto number = parse<double>(*text);
  if (number && std::isfinite(*number)) return number;
  document_.add(expression, fmt::format("{} is no number", spec::quote(*text)));
  return std::nullopt;
}

std::optional<double> MefExpressions::parameter(pugi::xml_node expression) {
  const std::optional<std::string> name = document_.attribute(expression, "name");
  if (!name) return std::nullopt;
  const auto found = parameters_.find(*name);
  if (found == parameters_.end()) {
    std::vector<std::string> known;
    for (const auto& [other, ignored] : parameters_) known.push_back(other);
    document_.add(expression, fmt::format("no parameter has the name {}{}", spec::quote(*name),
                                          spec::did_you_mean(*name, known)));
    return std::nullopt;
  }
  Parameter& parameter = found->second;
  if (parameter.value) return parameter.value;
  if (parameter.open) {
    document_.add(expression, fmt::format("parameter {} depends on itself", spec::quote(*name)));
    return std::nullopt;
  }
  parameter.open = true;
  parameter.value = value(parameter.expression);
  parameter.open = false;
  return parameter.value;
}

std::optional<double> MefExpressions::operation(pugi::xml_node expression) {
  const std::string_view name = expression.name();
  const std::vector<std::string> known{"add", "sub", "mul", "div", "neg", "exponential"};
  if (std::ranges::find(known, name) == known.end()) {
    document_.add(expression,
                  fmt::format("<{}> is no expression that nospof computes; expected float, int, "
                              "parameter, {}",
                              name, spec::either(known)));
    return std::nullopt;
  }
  std::vector<double> values;
  const std::vector<pugi::xml_node> arguments = document_.elements(expression);
  for (const pugi::xml_node argument : arguments) {
    const std::optional<double> value = this->value(argument);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  const bool right = name == "neg"           ? values.size() == 1
                     : name == "exponential" ? values.size() == 2
                                             : values.size() >= 2;
  if (!right) {
    document_.add(expression, fmt::format("<{}> has {} arguments", name, values.size()));
    return std::nullopt;
  }
  if (name == "neg") return -values[0];
  // 1 - exp(-rate * time)
  if (name == "exponential") return -std::expm1(-values[0] * values[1]);
  double result = values[0];
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (name == "add") result += values[i];
    if (name == "sub") result -= values[i];
    if (name == "mul") result *= values[i];
    if (name == "div") result /= values[i];
  }
  return result;
}

}  // namespace nospof::analysis
