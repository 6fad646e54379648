#pragma once
// Quantities as types, and their one text form: "1500ms", "2s", "50/s", "99.9%", "10mbit/s",
// "1200 EUR".

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nospof::spec {

using Duration = std::chrono::nanoseconds;

/// Events per second.
struct Rate {
  double per_second = 0;
  friend bool operator==(const Rate&, const Rate&) = default;
};

/// A share of one: 99.9% is 0.999.
struct Percent {
  double fraction = 0;
  friend bool operator==(const Percent&, const Percent&) = default;
};

/// What a link carries.
struct Bandwidth {
  std::uint64_t bits_per_second = 0;
  friend bool operator==(const Bandwidth&, const Bandwidth&) = default;
};

/// An amount of money; `per` tells once, monthly or yearly.
struct Money {
  enum class Per { once, month, year };
  double amount = 0;
  std::string currency;
  Per per = Per::once;
  friend bool operator==(const Money&, const Money&) = default;
};

/// "250us", "300ms", "1.5s", "2m", "1h", "1d". A number without a unit is refused (except "0").
std::optional<Duration> parse_duration(std::string_view text);
/// "50/s", "600/m"
std::optional<Rate> parse_rate(std::string_view text);
/// "99.9%"; 0% to 100%.
std::optional<Percent> parse_percent(std::string_view text);
/// "10mbit/s", "1.5gbit/s", "64kbit/s", "800bit/s"; a whole number of bits per second.
std::optional<Bandwidth> parse_bandwidth(std::string_view text);
/// "1200 EUR", "15 EUR/month", "180 EUR/year"
std::optional<Money> parse_money(std::string_view text);

/// The shortest exact form: "1.5s", "300ms", "20us", "0s".
std::string format_duration(Duration duration);
/// The largest unit that is exact: "10mbit/s", "1500kbit/s".
std::string format_bandwidth(Bandwidth bandwidth);
/// For people: three significant digits, "1.53 s", "312 ms", "20 us".
std::string human_duration(Duration duration);

}  // namespace nospof::spec
