#include "faults/netem_distribution.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace nospof::faults {

namespace {

constexpr int quantiles = 16384;
constexpr int every = 4;  ///< of the quantiles, those that the table keeps
constexpr double grid = 0.00005;
constexpr double pareto_shape = 3;

std::int16_t clamped(int value) {
  constexpr int least = std::numeric_limits<std::int16_t>::min();
  constexpr int most = std::numeric_limits<std::int16_t>::max();
  return static_cast<std::int16_t>(std::clamp(value, least, most));
}

double normal_share_below(double x) {
  return 0.5 + 0.5 * std::erf(x / std::sqrt(2.0));
}

// The largest x on the grid whose quantile, rounded, is `index`.
int normal_value(int index) {
  constexpr double widest = 10;
  double low = -widest;
  double high = widest;
  while (high - low > grid / 4) {
    const double middle = (low + high) / 2;
    (quantiles * normal_share_below(middle) < index + 0.5 ? low : high) = middle;
  }
  const double steps = std::floor((low + widest) / grid + 0.25);
  return static_cast<int>(std::rint((steps * grid - widest) * distribution_scale));
}

// `share` is above 0 and at most 1: the part of the distribution that lies above the value.
int pareto_value(double share) {
  const double mean = pareto_shape / (pareto_shape - 1);
  const double value = std::pow(share, -1 / pareto_shape) - mean;
  constexpr double most = std::numeric_limits<std::int16_t>::max();
  return static_cast<int>(std::rint(std::min(value * (4.0 / 3.0) * distribution_scale, most)));
}

int paretonormal_value(int index) {
  const double share = 1 - static_cast<double>(index) / quantiles;
  return (normal_value(index) + 3 * pareto_value(share)) / 4;
}

}  // namespace

std::vector<std::int16_t> distribution_table(NetemSettings::Distribution distribution) {
  std::vector<std::int16_t> table;
  if (distribution == NetemSettings::Distribution::uniform) return table;
  for (int index = 0; index < quantiles; index += every) {
    switch (distribution) {
      case NetemSettings::Distribution::uniform:
        break;
      case NetemSettings::Distribution::normal:
        table.push_back(clamped(normal_value(index)));
        break;
      case NetemSettings::Distribution::pareto:
        table.push_back(clamped(pareto_value(1 - static_cast<double>(index) / quantiles)));
        break;
      case NetemSettings::Distribution::paretonormal:
        table.push_back(clamped(paretonormal_value(index)));
        break;
    }
  }
  return table;
}

Nanoseconds drawn_delay(Nanoseconds mean, Nanoseconds sigma, std::uint32_t draw,
                        const std::vector<std::int16_t>& table) {
  const std::int64_t width = sigma.count();
  if (width == 0) return mean;
  if (table.empty()) return mean - sigma + Nanoseconds(draw % (2 * width));
  const std::int64_t value = table[draw % table.size()];
  const std::int64_t fraction = width % distribution_scale * value;
  const std::int64_t half = distribution_scale / 2;
  const std::int64_t rounded = (fraction >= 0 ? fraction + half : fraction - half);
  return mean + Nanoseconds(rounded / distribution_scale + width / distribution_scale * value);
}

}  // namespace nospof::faults
