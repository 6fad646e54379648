#include "spec/experiment.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::spec {

namespace {

constexpr std::array<std::pair<Figure, std::string_view>, 9> figures = {{
    {Figure::availability, "availability"},
    {Figure::longest_outage, "longest-outage"},
    {Figure::failed, "failed"},
    {Figure::p50, "p50"},
    {Figure::p90, "p90"},
    {Figure::p99, "p99"},
    {Figure::p999, "p999"},
    {Figure::max, "max"},
    {Figure::time_to_recover, "time-to-recover"},
}};

/// Longest first, so that "<=" is not taken for "<".
constexpr std::array<std::pair<Comparator, std::string_view>, 6> comparators = {{
    {Comparator::less_equal, "<="},
    {Comparator::greater_equal, ">="},
    {Comparator::equal, "=="},
    {Comparator::less, "<"},
    {Comparator::greater, ">"},
    {Comparator::between, "between"},
}};

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// A bound in the figure's own measure: seconds, a fraction or a count.
double parse_bound(Figure figure, std::string_view text) {
  switch (figure_unit(figure)) {
    case FigureUnit::seconds:
      if (const auto duration = parse_duration(text)) {
        return std::chrono::duration<double>(*duration).count();
      }
      throw Error(fmt::format("'{}' is no duration; '{}' is compared with one such as 3s or 250ms",
                              text, figure_name(figure)));
    case FigureUnit::fraction:
      if (const auto percent = parse_percent(text)) return percent->fraction;
      throw Error(fmt::format("'{}' is no percentage; '{}' is compared with one such as 99.9%",
                              text, figure_name(figure)));
    case FigureUnit::count: {
      std::uint32_t count = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
      if (error == std::errc{} && end == text.data() + text.size()) return count;
      throw Error(fmt::format("'{}' is no count; '{}' is compared with a whole number such as 0",
                              text, figure_name(figure)));
    }
  }
  throw Error("unknown unit of a figure");
}

}  // namespace

bool Tolerance::holds(double value) const {
  switch (comparator) {
    case Comparator::less:
      return value < low;
    case Comparator::less_equal:
      return value <= low;
    case Comparator::equal:
      return value >= low && value <= low;
    case Comparator::greater_equal:
      return value >= low;
    case Comparator::greater:
      return value > low;
    case Comparator::between:
      return value >= low && value <= high;
  }
  return false;
}

FigureUnit figure_unit(Figure figure) {
  switch (figure) {
    case Figure::availability:
      return FigureUnit::fraction;
    case Figure::failed:
      return FigureUnit::count;
    case Figure::longest_outage:
    case Figure::p50:
    case Figure::p90:
    case Figure::p99:
    case Figure::p999:
    case Figure::max:
    case Figure::time_to_recover:
      return FigureUnit::seconds;
  }
  return FigureUnit::seconds;
}

std::string figure_name(Figure figure) {
  for (const auto& [value, name] : figures) {
    if (value == figure) return std::string(name);
  }
  return "?";
}

std::optional<Figure> parse_figure(std::string_view name) {
  for (const auto& [value, known] : figures) {
    if (known == name) return value;
  }
  return std::nullopt;
}

std::vector<std::string> figure_names() {
  std::vector<std::string> names;
  for (const auto& entry : figures) names.emplace_back(entry.second);
  return names;
}

std::string comparator_text(Comparator comparator) {
  for (const auto& [value, text] : comparators) {
    if (value == comparator) return std::string(text);
  }
  return "?";
}

Tolerance parse_tolerance(Figure figure, std::string_view text) {
  Tolerance tolerance;
  tolerance.text = std::string(text);
  std::string_view rest = trim(text);
  const auto* found = std::ranges::find_if(
      comparators, [&](const auto& entry) { return rest.starts_with(entry.second); });
  if (found == comparators.end()) {
    throw Error(fmt::format(
        "'{}' has no comparator; write one of < <= == >= > or 'between A and B'", text));
  }
  tolerance.comparator = found->first;
  rest = trim(rest.substr(found->second.size()));
  if (tolerance.comparator != Comparator::between) {
    tolerance.low = tolerance.high = parse_bound(figure, rest);
    return tolerance;
  }
  const std::size_t middle = rest.find(" and ");
  if (middle == std::string_view::npos) {
    throw Error(fmt::format("'{}' needs two bounds: between A and B", text));
  }
  tolerance.low = parse_bound(figure, trim(rest.substr(0, middle)));
  tolerance.high = parse_bound(figure, trim(rest.substr(middle + 5)));
  if (tolerance.low > tolerance.high) {
    throw Error(fmt::format("'{}' can never hold: the lower bound comes first", text));
  }
  return tolerance;
}

}  // namespace nospof::spec
