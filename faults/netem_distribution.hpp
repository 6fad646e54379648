#pragma once
// The distribution tables of netem's jitter, computed as iproute2's generator programs define them.

#include <cstdint>
#include <vector>

#include "faults/netem_settings.hpp"

namespace nospof::faults {

/// The tables hold multiples of sigma, times this.
inline constexpr std::int64_t distribution_scale = 8192;

/// 4096 values, one drawn at random per packet; empty for uniform, which needs none.
///   normal        quantiles of the normal distribution
///   pareto        quantiles of a Pareto distribution with shape 3, shifted to mean 0
///   paretonormal  a quarter normal and three quarters pareto, quantile by quantile
std::vector<std::int16_t> distribution_table(NetemSettings::Distribution distribution);

/// What a draw of 32 random bits makes of a delay: `table` empty means uniform within
/// [mean - sigma, mean + sigma).
Nanoseconds drawn_delay(Nanoseconds mean, Nanoseconds sigma, std::uint32_t draw,
                        const std::vector<std::int16_t>& table);

}  // namespace nospof::faults
