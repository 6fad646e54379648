#include "probes/prometheus_answer.hpp"

#include <algorithm>
#include <charconv>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::probes {

namespace json = boost::json;

namespace {

/// A number as Go writes it: "1.5e+06", "NaN", "+Inf".
std::optional<double> parse_value(const json::value& pair) {
  if (!pair.is_array() || pair.as_array().size() != 2 || !pair.as_array()[1].is_string())
    return std::nullopt;
  std::string_view text = pair.as_array()[1].as_string();
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<PrometheusSeries> parse_series(const json::value& entry) {
  const json::object* object = entry.if_object();
  const json::value* metric = object != nullptr ? object->if_contains("metric") : nullptr;
  const json::value* value = object != nullptr ? object->if_contains("value") : nullptr;
  if (metric == nullptr || !metric->is_object() || value == nullptr) return std::nullopt;
  PrometheusSeries series;
  for (const auto& [name, label] : metric->as_object()) {
    if (!label.is_string()) return std::nullopt;
    series.labels.emplace(name, label.as_string());
  }
  const auto number = parse_value(*value);
  if (!number) return std::nullopt;
  series.value = *number;
  return series;
}

bool is_text(const json::object& object, std::string_view key, std::string_view expected) {
  const json::value* found = object.if_contains(key);
  return found != nullptr && found->is_string() && std::string_view(found->as_string()) == expected;
}

}  // namespace

std::string PrometheusSeries::label(const std::string& name) const {
  const auto found = labels.find(name);
  return found == labels.end() ? std::string() : found->second;
}

HttpUrl parse_prometheus_url(std::string_view whose, std::string_view url) {
  HttpUrl parsed = parse_http_url(whose, url, UrlSchemes::either);
  if (parsed.target.find_first_of("?{}") != std::string::npos)
    throw Error(
        fmt::format("{}: url '{}' is the base of the API, without a query or {{}}", whose, url));
  return parsed;
}

std::string prometheus_query_target(std::string_view query) {
  return "/api/v1/query?query=" + percent_encoded(query);
}

std::optional<std::vector<PrometheusSeries>> parse_prometheus_answer(std::string_view body) {
  boost::system::error_code error;
  const json::value answer = json::parse({body.data(), body.size()}, error);
  if (error || !answer.is_object() || !is_text(answer.as_object(), "status", "success"))
    return std::nullopt;
  const json::value* data = answer.as_object().if_contains("data");
  if (data == nullptr || !data->is_object()) return std::nullopt;
  const json::value* result = data->as_object().if_contains("result");
  if (result == nullptr || !result->is_array()) return std::nullopt;
  std::vector<PrometheusSeries> all;
  if (is_text(data->as_object(), "resultType", "scalar")) {
    const auto value = parse_value(*result);
    if (!value) return std::nullopt;
    all.push_back({{}, *value});
    return all;
  }
  if (!is_text(data->as_object(), "resultType", "vector")) return std::nullopt;
  for (const json::value& entry : result->as_array()) {
    auto series = parse_series(entry);
    if (!series) return std::nullopt;
    all.push_back(std::move(*series));
  }
  return all;
}

bool is_label_name(std::string_view text) {
  return !text.empty() && (text[0] < '0' || text[0] > '9') && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
}

}  // namespace nospof::probes
