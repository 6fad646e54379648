#include "spec/experiment.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::spec {

namespace {

constexpr std::array<std::pair<Figure, std::string_view>, 11> figures = {{
    {Figure::availability, "availability"},
    {Figure::longest_outage, "longest-outage"},
    {Figure::failed, "failed"},
    {Figure::count, "count"},
    {Figure::p50, "p50"},
    {Figure::p90, "p90"},
    {Figure::p99, "p99"},
    {Figure::p999, "p999"},
    {Figure::p9999, "p9999"},
    {Figure::max, "max"},
    {Figure::time_to_recover, "time-to-recover"},
}};

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

FigureUnit figure_unit(Figure figure) {
  switch (figure) {
    case Figure::availability:
      return FigureUnit::fraction;
    case Figure::failed:
    case Figure::count:
      return FigureUnit::count;
    case Figure::longest_outage:
    case Figure::p50:
    case Figure::p90:
    case Figure::p99:
    case Figure::p999:
    case Figure::p9999:
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

std::string figure_text(const Hypothesis& hypothesis) {
  const std::string name = figure_name(hypothesis.figure);
  return hypothesis.outcome.empty() ? name : name + " of " + hypothesis.outcome;
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

Tolerance parse_tolerance(Figure figure, std::string_view text) {
  return parse_tolerance(text,
                         [figure](std::string_view bound) { return parse_bound(figure, bound); });
}

}  // namespace nospof::spec
