#include "spec/tolerance.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::spec {

namespace {

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

double parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && std::isfinite(value))
    return value;
  throw Error(fmt::format("'{}' is no number such as 3 or -0.5", text));
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

std::string comparator_text(Comparator comparator) {
  for (const auto& [value, text] : comparators) {
    if (value == comparator) return std::string(text);
  }
  return "?";
}

Tolerance parse_tolerance(std::string_view text,
                          const std::function<double(std::string_view)>& parse_bound) {
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
    tolerance.low = tolerance.high = parse_bound(rest);
    return tolerance;
  }
  const std::size_t middle = rest.find(" and ");
  if (middle == std::string_view::npos) {
    throw Error(fmt::format("'{}' needs two bounds: between A and B", text));
  }
  tolerance.low = parse_bound(trim(rest.substr(0, middle)));
  tolerance.high = parse_bound(trim(rest.substr(middle + 5)));
  if (tolerance.low > tolerance.high) {
    throw Error(fmt::format("'{}' can never hold: the lower bound comes first", text));
  }
  return tolerance;
}

Tolerance parse_number_tolerance(std::string_view text) {
  return parse_tolerance(text, parse_number);
}

}  // namespace nospof::spec
