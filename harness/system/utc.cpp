#include "system/utc.hpp"

namespace nospof {

namespace {

// Takes digits from the front; after something else `ok` stays false.
struct Digits {
  std::string_view rest;
  bool ok = true;

  // Exactly so many, and the character that follows them.
  int take(std::size_t count, char then) {
    ok = ok && count > 0 && rest.size() > count && rest[count] == then;
    int number = 0;
    for (std::size_t i = 0; ok && i < count; ++i) {
      ok = rest[i] >= '0' && rest[i] <= '9';
      number = 10 * number + (rest[i] - '0');
    }
    if (ok) rest.remove_prefix(count + 1);
    return number;
  }
};

}  // namespace

std::optional<WallTime> parse_utc(std::string_view text) {
  using namespace std::chrono;
  Digits digits{text};
  const year y(digits.take(4, '-'));
  const month m(static_cast<unsigned>(digits.take(2, '-')));
  const day d(static_cast<unsigned>(digits.take(2, 'T')));
  const hours h(digits.take(2, ':'));
  const minutes min(digits.take(2, ':'));
  const bool whole = digits.rest.ends_with("Z") && digits.rest.find('.') == std::string_view::npos;
  const seconds s(digits.take(2, whole ? 'Z' : '.'));
  nanoseconds fraction{0};
  if (digits.ok && !whole) {
    constexpr std::size_t decimals = 9;
    const std::size_t given = digits.rest.empty() ? 0 : digits.rest.size() - 1;
    digits.ok = given <= decimals;
    fraction = nanoseconds(digits.take(given, 'Z'));
    for (std::size_t i = given; i < decimals; ++i) fraction *= 10;
  }
  const year_month_day date{y, m, d};
  // Nanoseconds since 1970 end in 2262.
  const bool known = date.ok() && y >= year(1970) && y < year(2200);
  if (!digits.ok || !digits.rest.empty() || !known || h >= days(1) || min >= hours(1) ||
      s >= minutes(1))
    return std::nullopt;
  return WallTime(sys_days(date)) + h + min + s + fraction;
}

}  // namespace nospof
