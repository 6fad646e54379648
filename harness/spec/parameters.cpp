#include "spec/parameters.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace nospof::spec {

namespace {

using namespace std::chrono_literals;

Format<std::int64_t> whole_number() {
  Format<std::int64_t> format;
  format.shape.kind = Shape::Kind::integer;
  format.shape.expected = "a whole number";
  format.read = [](Context& context, const Node& node, std::int64_t& out) {
    const char* last = node.text.data() + node.text.size();
    const auto [end, error] = std::from_chars(node.text.data(), last, out);
    const bool whole = node.kind == Node::Kind::scalar && error == std::errc{} && end == last;
    return whole || refuse(context, node, "a whole number");
  };
  return format;
}

Format<std::string> text_format(const ParameterInfo& info) {
  return info.choices.empty() ? text(1) : one_of_texts(info.choices);
}

Format<std::vector<std::string>> list_format(const ParameterInfo& info) {
  return info.names_hosts ? host_names() : one_or_more(text_format(info));
}

Format<Duration> any_duration() {
  return duration(0s, 24h * 365);
}

template <typename T>
bool read_as(const Format<T>& format, Context& context, const Node& node, ParameterValue& out) {
  T value{};
  if (!format.read(context, node, value)) return false;
  out = std::move(value);
  return true;
}

bool read_value(Context& context, const Node& node, const ParameterInfo& info,
                ParameterValue& out) {
  switch (info.type) {
    case ParameterType::boolean:
      return read_as(boolean(), context, node, out);
    case ParameterType::integer:
      return read_as(whole_number(), context, node, out);
    case ParameterType::text:
      return read_as(text_format(info), context, node, out);
    case ParameterType::duration:
      return read_as(any_duration(), context, node, out);
    case ParameterType::rate:
      return read_as(rate(), context, node, out);
    case ParameterType::percent:
      return read_as(percent(), context, node, out);
    case ParameterType::bandwidth:
      return read_as(bandwidth(), context, node, out);
    case ParameterType::text_list:
      return read_as(list_format(info), context, node, out);
  }
  return false;
}

Shape shape_of(const ParameterInfo& info) {
  switch (info.type) {
    case ParameterType::boolean:
      return boolean().shape;
    case ParameterType::integer:
      return whole_number().shape;
    case ParameterType::text:
      return text_format(info).shape;
    case ParameterType::duration:
      return any_duration().shape;
    case ParameterType::rate:
      return rate().shape;
    case ParameterType::percent:
      return percent().shape;
    case ParameterType::bandwidth:
      return bandwidth().shape;
    case ParameterType::text_list:
      return list_format(info).shape;
  }
  return {};
}

/// A text as a node; for a list it is cut at commas.
Node node_from_text(const ParameterInfo& info, const std::string& text) {
  Node scalar;
  scalar.kind = Node::Kind::scalar;
  scalar.text = text;
  if (info.type != ParameterType::text_list) return scalar;
  Node list;
  list.kind = Node::Kind::list;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::size_t first = std::min(text.find_first_not_of(' ', begin), end);
    std::string word = text.substr(first, end - first);
    word.erase(word.find_last_not_of(' ') + 1);
    scalar.text = std::move(word);
    list.values.push_back(scalar);
    begin = end + 1;
  }
  return list;
}

}  // namespace

FieldInfo parameter_field(const ParameterInfo& info) {
  return {info.name, shape_of(info), info.required, info.default_text, info.doc};
}

void read_parameters(Context& context, const Node& node, const KindInfo& kind, Parameters& out) {
  if (node.kind != Node::Kind::map) {
    refuse(context, node, "a map with parameters of " + kind.name);
    return;
  }
  std::vector<std::string> known;
  for (const ParameterInfo& info : kind.parameters) known.push_back(info.name);
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const std::string& key = node.keys[i].text;
    const auto info = std::ranges::find(kind.parameters, key, &ParameterInfo::name);
    if (info == kind.parameters.end()) {
      std::string hint = did_you_mean(key, known);
      if (hint.empty()) hint = known.empty() ? "; it has none" : "; known are " + either(known);
      context.problem(node.keys[i].mark, fmt::format("{}: unknown parameter {} of {}{}",
                                                     context.subject, quote(key), kind.name, hint));
      continue;
    }
    const SubjectScope scope(context, quote(key) + " in " + context.subject);
    ParameterValue value;
    if (read_value(context, node.values[i], *info, value)) out[key] = std::move(value);
  }
}

void complete_parameters(Context& context, const Node& node, const KindInfo& kind,
                         Parameters& out) {
  for (const ParameterInfo& info : kind.parameters) {
    if (out.contains(info.name)) continue;
    if (info.required) {
      context.problem(node.mark, fmt::format("{}: {} needs the parameter '{}' under 'with': {}",
                                             context.subject, kind.name, info.name, info.doc));
    } else if (!info.default_text.empty()) {
      out[info.name] = parse_parameter(info, info.default_text);
    }
  }
}

ParameterValue parse_parameter(const ParameterInfo& info, const std::string& text) {
  Problems problems;
  Context context{
      .problems = problems, .file = {}, .folder = {}, .subject = quote(info.name), .unsound = {}};
  ParameterValue value;
  if (read_value(context, node_from_text(info, text), info, value)) return value;
  try {
    problems.raise();
  } catch (const SpecError& error) {
    throw Error(error.problems().front().message);
  }
  throw Error(quote(info.name) + ": cannot be read");
}

}  // namespace nospof::spec
