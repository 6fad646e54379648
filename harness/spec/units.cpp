#include "spec/units.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace nospof::spec {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};

constexpr std::array units = {Unit{"d", 86'400'000'000'000},
                              Unit{"h", 3'600'000'000'000},
                              Unit{"m", 60'000'000'000},
                              Unit{"s", 1'000'000'000},
                              Unit{"ms", 1'000'000},
                              Unit{"us", 1'000},
                              Unit{"ns", 1}};

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};

constexpr std::array size_units = {SizeUnit{"GiB", 1ULL << 30U}, SizeUnit{"MiB", 1ULL << 20U},
                                   SizeUnit{"KiB", 1ULL << 10U}, SizeUnit{"B", 1}};
// Powers of ten, as tc and link speeds have them.
constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> bandwidth_units = {
    {{"gbit/s", 1'000'000'000}, {"mbit/s", 1'000'000}, {"kbit/s", 1'000}, {"bit/s", 1}}};

/// "12.50" cut into its digits; nothing for a sign, an exponent, "1." or ".5".
struct Decimal {
  std::string_view whole;
  std::string_view fraction;
  std::string_view rest;  ///< what follows the number
};

std::size_t digits(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  return count;
}

std::optional<Decimal> split_decimal(std::string_view text) {
  Decimal result;
  const std::size_t whole = digits(text);
  if (whole == 0) return std::nullopt;
  result.whole = text.substr(0, whole);
  result.rest = text.substr(whole);
  if (!result.rest.empty() && result.rest.front() == '.') {
    const std::size_t fraction = digits(result.rest.substr(1));
    if (fraction == 0) return std::nullopt;
    result.fraction = result.rest.substr(1, fraction);
    result.rest.remove_prefix(1 + fraction);
  }
  return result;
}

/// The nearest double of a decimal times ten to the power of `exponent`, rounded once.
std::optional<double> to_double(const Decimal& decimal, int exponent) {
  const std::string text = fmt::format("{}.{}e{}", decimal.whole,
                                       decimal.fraction.empty() ? "0" : decimal.fraction, exponent);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

/// Nothing when it overflows or is no whole number of what `unit` counts.
std::optional<std::int64_t> scale(const Decimal& decimal, std::int64_t unit) {
  std::int64_t whole = 0;
  const auto [end, error] =
      std::from_chars(decimal.whole.data(), decimal.whole.data() + decimal.whole.size(), whole);
  std::int64_t total = 0;
  if (error != std::errc{} || __builtin_mul_overflow(whole, unit, &total)) return std::nullopt;
  for (const char digit : decimal.fraction) {
    if ((unit == 0 || unit % 10 != 0) && digit != '0') return std::nullopt;
    unit /= 10;
    if (__builtin_add_overflow(total, (digit - '0') * unit, &total)) return std::nullopt;
  }
  return total;
}

/// `nanoseconds` in a unit as an exact decimal; nothing when it has no end ("1/3").
std::optional<std::string> exact(std::uint64_t nanoseconds, std::uint64_t unit) {
  std::string text = std::to_string(nanoseconds / unit);
  std::uint64_t rest = nanoseconds % unit;
  if (rest == 0) return text;
  text += '.';
  while (rest != 0) {
    if (unit % 10 != 0) return std::nullopt;
    unit /= 10;
    text += static_cast<char>('0' + rest / unit);
    rest %= unit;
  }
  return text;
}

std::uint64_t magnitude(Duration duration) {
  const auto count = static_cast<std::uint64_t>(duration.count());
  return duration.count() < 0 ? 0 - count : count;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration(0);
  const auto decimal = split_decimal(text);
  if (!decimal) return std::nullopt;
  for (const Unit& unit : units) {
    if (decimal->rest != unit.name) continue;
    const auto total = scale(*decimal, unit.nanoseconds);
    if (!total) return std::nullopt;
    return Duration(*total);
  }
  return std::nullopt;
}

std::optional<Rate> parse_rate(std::string_view text) {
  const auto decimal = split_decimal(text);
  if (!decimal) return std::nullopt;
  const auto number = to_double(*decimal, 0);
  if (!number) return std::nullopt;
  if (decimal->rest == "/s") return Rate{*number};
  if (decimal->rest == "/m") return Rate{*number / 60};
  return std::nullopt;
}

std::optional<Percent> parse_percent(std::string_view text) {
  const auto decimal = split_decimal(text);
  if (!decimal || decimal->rest != "%") return std::nullopt;
  const auto fraction = to_double(*decimal, -2);
  if (!fraction || *fraction > 1) return std::nullopt;
  return Percent{*fraction};
}

std::optional<Size> parse_size(std::string_view text) {
  if (text == "0") return Size{};
  const auto decimal = split_decimal(text);
  if (!decimal) return std::nullopt;
  for (const SizeUnit& unit : size_units) {
    if (decimal->rest != unit.name) continue;
    const auto number = to_double(*decimal, 0);
    if (!number) return std::nullopt;
    const double bytes = *number * static_cast<double>(unit.bytes);
    // Up to there every sum of sizes fits, and binary fractions of a unit are exact.
    if (bytes > static_cast<double>(1ULL << 60U) || bytes != std::floor(bytes)) return std::nullopt;
    return Size{static_cast<std::uint64_t>(bytes)};
  }
  return std::nullopt;
}

std::optional<Bandwidth> parse_bandwidth(std::string_view text) {
  const auto decimal = split_decimal(text);
  if (!decimal) return std::nullopt;
  for (const auto& [name, size] : bandwidth_units) {
    if (decimal->rest != name) continue;
    const auto total = scale(*decimal, size);
    if (!total) return std::nullopt;
    return Bandwidth{static_cast<std::uint64_t>(*total)};
  }
  return std::nullopt;
}

std::string format_size(Size size) {
  for (const SizeUnit& unit : size_units)
    if (size.bytes != 0 && size.bytes % unit.bytes == 0)
      return fmt::format("{}{}", size.bytes / unit.bytes, unit.name);
  return "0B";
}

std::optional<Money> parse_money(std::string_view text) {
  const auto decimal = split_decimal(text);
  if (!decimal) return std::nullopt;
  const auto amount = to_double(*decimal, 0);
  std::string_view rest = decimal->rest;
  if (!amount || rest.size() < 4 || rest.front() != ' ') return std::nullopt;
  Money money{*amount, std::string(rest.substr(1, 3)), Money::Per::once};
  for (const char letter : money.currency) {
    if (letter < 'A' || letter > 'Z') return std::nullopt;
  }
  rest.remove_prefix(4);
  if (rest.empty()) return money;
  if (rest == "/month") {
    money.per = Money::Per::month;
  } else if (rest == "/year") {
    money.per = Money::Per::year;
  } else {
    return std::nullopt;
  }
  return money;
}

std::string format_duration(Duration duration) {
  const std::uint64_t nanoseconds = magnitude(duration);
  if (nanoseconds == 0) return "0s";
  std::string best;
  for (const Unit& unit : units) {
    const auto size = static_cast<std::uint64_t>(unit.nanoseconds);
    if (nanoseconds < size) continue;
    if (const auto number = exact(nanoseconds, size)) {
      std::string text = *number + std::string(unit.name);
      if (best.empty() || text.size() < best.size()) best = std::move(text);
    }
  }
  return duration.count() < 0 ? "-" + best : best;
}

std::string format_bandwidth(Bandwidth bandwidth) {
  const std::uint64_t bits = bandwidth.bits_per_second;
  for (const auto& [name, size] : bandwidth_units) {
    const auto unit = static_cast<std::uint64_t>(size);
    if (bits >= unit && bits % unit == 0) return fmt::format("{}{}", bits / unit, name);
  }
  return fmt::format("{}bit/s", bits);
}

std::string human_duration(Duration duration) {
  struct Step {
    std::string_view name;
    double nanoseconds;
    double below;  ///< in this unit; from there on the next one is used
  };
  constexpr double none = std::numeric_limits<double>::infinity();
  constexpr std::array steps = {Step{"ns", 1, 1000},    Step{"us", 1e3, 1000},
                                Step{"ms", 1e6, 1000},  Step{"s", 1e9, 120},
                                Step{"min", 60e9, 120}, Step{"h", 3600e9, none}};
  const auto nanoseconds = static_cast<double>(magnitude(duration));
  if (nanoseconds == 0) return "0 s";
  const std::string_view sign = duration.count() < 0 ? "-" : "";
  for (const Step& step : steps) {
    const double value = nanoseconds / step.nanoseconds;
    const int whole_digits = value < 1 ? 1 : static_cast<int>(std::log10(value)) + 1;
    const double grain = std::pow(10, whole_digits - 3);
    const double rounded = std::round(value / grain) * grain;
    if (rounded >= step.below) continue;
    std::string number = fmt::format("{:.{}f}", rounded, std::max(0, 3 - whole_digits));
    if (number.find('.') != std::string::npos) {
      number.erase(number.find_last_not_of('0') + 1);
      if (number.back() == '.') number.pop_back();
    }
    return fmt::format("{}{} {}", sign, number, step.name);
  }
  return {};
}

}  // namespace nospof::spec
