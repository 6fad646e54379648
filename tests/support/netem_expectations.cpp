#include "tests/support/netem_expectations.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace nospof::test {

namespace {

using Distribution = faults::NetemSettings::Distribution;
using ::testing::AssertionFailure;
using ::testing::AssertionResult;
using ::testing::AssertionSuccess;

// Of a normal distribution 99.9 % lie within so many sigma of its mean.
constexpr double sigmas = 3.2905;

AssertionResult answer(bool good, const std::string& text) {
  return (good ? AssertionSuccess() : AssertionFailure()) << text;
}

// Spreads a number over 32 bits, so that payloads of neighbours differ in many bits.
std::uint32_t mixed(std::uint32_t value) {
  value ^= value >> 16U;
  value *= 0x7feb352dU;
  value ^= value >> 15U;
  value *= 0x846ca68bU;
  return value ^ (value >> 16U);
}

unsigned difference(std::string_view one, std::string_view other) {
  unsigned bits = 0;
  for (std::size_t i = 0; i < one.size(); ++i)
    bits += static_cast<unsigned>(std::popcount(static_cast<unsigned char>(one[i] ^ other[i])));
  return bits;
}

// The number stands at three places; with one flipped bit at least two of them are right.
std::optional<NetemArrival> recognised(std::string_view payload, std::size_t known) {
  if (payload.size() < 16) return std::nullopt;
  std::optional<NetemArrival> best;
  for (const std::size_t at : {0U, 4U, 8U}) {
    std::uint32_t number = 0;
    std::memcpy(&number, payload.data() + at, sizeof number);
    if (number >= known) continue;
    const unsigned flipped = difference(payload, netem_payload(number, payload.size()));
    if (!best || flipped < best->flipped_bits) best = NetemArrival{number, Nanoseconds(0), flipped};
  }
  if (best && best->flipped_bits > 8) best.reset();
  return best;
}

// `wider`: how many times as wide as for independent packets the bounds are.
AssertionResult within_binomial(const char* what, std::size_t found, std::size_t all, double share,
                                double wider = 1) {
  if (all < enough_packets)
    return answer(false,
                  fmt::format("only {} packets; at least {} are needed", all, enough_packets));
  const auto n = static_cast<double>(all);
  const double reach = wider * sigmas * std::sqrt(n * share * (1 - share)) + 0.5;
  const double least = n * share - reach;
  const double most = n * share + reach;
  const auto k = static_cast<double>(found);
  return answer(
      k >= least && k <= most,
      fmt::format("{} of {} packets {} ({:.3f} %), asked for {:.3f} %: {:.0f} to {:.0f}", found,
                  all, what, 100 * k / n, 100 * share, std::ceil(least), std::floor(most)));
}

double mean_of(const std::vector<Nanoseconds>& values) {
  double sum = 0;
  for (const Nanoseconds value : values) sum += static_cast<double>(value.count());
  return sum / static_cast<double>(values.size());
}

double milliseconds(double nanoseconds) {
  return nanoseconds / 1e6;
}

double allowed_offset(Nanoseconds delay) {
  return std::max(0.02 * static_cast<double>(delay.count()), 0.3e6);
}

double normal_below(double x) {
  return 0.5 * std::erfc(-x / std::sqrt(2.0));
}

// Shape 3, its mean moved to 0; widths as netem's tables have them, which end at 4.
double pareto_above(double x) {
  const double value = x * 0.75 + 1.5;
  return value <= 1 ? 1 : std::pow(value, -3.0);
}

double normal_quantile(double share) {
  double low = -10;
  double high = 10;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (normal_below(middle) < share ? low : high) = middle;
  }
  return low;
}

constexpr double table_end = 32767.0 / 8192;

double paretonormal_quantile(double share) {
  const double pareto = std::min(table_end, (std::pow(1 - share, -1 / 3.0) - 1.5) * 4 / 3);
  return 0.25 * normal_quantile(share) + 0.75 * pareto;
}

// It has no formula for the share below a value, so that is looked up.
double paretonormal_below(double x) {
  constexpr int steps = 8192;
  static const std::vector<double> quantiles = [] {
    std::vector<double> list;
    for (int i = 0; i < steps; ++i) list.push_back(paretonormal_quantile((i + 0.5) / steps));
    return list;
  }();
  const auto above = std::ranges::upper_bound(quantiles, x);
  return static_cast<double>(above - quantiles.begin()) / steps;
}

// How far the share of a sample below some value is from the distribution's, moved by `offset`.
struct Distances {
  double too_many = 0;
  double too_few = 0;
};

Distances distances_from(Distribution distribution, const std::vector<double>& sorted,
                         double offset) {
  const auto n = static_cast<double>(sorted.size());
  Distances widest;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const double expected = share_below(distribution, sorted[i] - offset);
    const double below = static_cast<double>(i) / n;
    widest.too_many = std::max(widest.too_many, below + 1 / n - expected);
    widest.too_few = std::max(widest.too_few, expected - below);
  }
  return widest;
}

}  // namespace

std::string netem_payload(std::uint32_t number, std::size_t bytes) {
  std::string payload(std::max<std::size_t>(bytes, 16), '\0');
  std::uint32_t state = mixed(number + 1);
  for (std::size_t i = 12; i < payload.size(); ++i) {
    if (i % 4 == 0) state = mixed(state + 0x9e3779b9U);
    payload[i] = static_cast<char>(state >> (8 * (i % 4)));
  }
  for (const std::size_t at : {0U, 4U, 8U}) std::memcpy(payload.data() + at, &number, 4);
  return payload;
}

void NetemTrace::arrived(std::string_view payload, Nanoseconds at) {
  auto arrival = recognised(payload, sent_.size());
  if (!arrival) {
    ++strangers_;
    return;
  }
  arrival->at = at;
  arrivals_.push_back(*arrival);
}

std::vector<unsigned> NetemTrace::copies() const {
  std::vector<unsigned> counts(sent_.size());
  for (const NetemArrival& arrival : arrivals_) ++counts[arrival.number];
  return counts;
}

std::vector<Nanoseconds> NetemTrace::delays() const {
  std::vector<std::optional<Nanoseconds>> first(sent_.size());
  for (const NetemArrival& arrival : arrivals_) {
    auto& slot = first[arrival.number];
    if (!slot) slot = arrival.at;
  }
  std::vector<Nanoseconds> delays;
  for (std::size_t i = 0; i < first.size(); ++i)
    if (first[i]) delays.push_back(*first[i] - sent_[i]);
  return delays;
}

AssertionResult passes_untouched(const NetemTrace& trace) {
  const auto& arrivals = trace.arrivals();
  std::size_t out_of_order = 0;
  std::size_t changed = 0;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    if (i > 0 && arrivals[i].number <= arrivals[i - 1].number) ++out_of_order;
    if (arrivals[i].flipped_bits > 0) ++changed;
  }
  const std::size_t all = trace.departures().size();
  return answer(arrivals.size() == all && out_of_order == 0 && changed == 0,
                fmt::format("{} of {} packets arrived, {} out of order, {} changed",
                            arrivals.size(), all, out_of_order, changed));
}

AssertionResult mean_delay_is(const NetemTrace& trace, Nanoseconds delay) {
  const auto delays = trace.delays();
  if (delays.empty())
    return answer(false, fmt::format("of {} packets none arrived", trace.departures().size()));
  const double mean = mean_of(delays);
  const double offset = mean - static_cast<double>(delay.count());
  return answer(std::abs(offset) <= allowed_offset(delay),
                fmt::format("mean delay {:.3f} ms of {} packets, asked for {:.3f} ms +- {:.3f}",
                            milliseconds(mean), delays.size(),
                            milliseconds(static_cast<double>(delay.count())),
                            milliseconds(allowed_offset(delay))));
}

double share_below(Distribution distribution, double x) {
  if (distribution != Distribution::uniform && x >= table_end) return 1;
  switch (distribution) {
    case Distribution::uniform:
      return std::clamp((x + 1) / 2, 0.0, 1.0);
    case Distribution::normal:
      return x <= -table_end ? 0 : normal_below(x);
    case Distribution::pareto:
      return 1 - pareto_above(x);
    case Distribution::paretonormal:
      return paretonormal_below(x);
  }
  return 0;
}

AssertionResult delays_follow(const NetemTrace& trace, Nanoseconds delay, Nanoseconds jitter,
                              Distribution distribution) {
  auto delays = trace.delays();
  if (delays.size() < 1000)
    return answer(false, fmt::format("only {} packets; at least 1000 are needed", delays.size()));
  std::ranges::sort(delays);
  std::vector<double> drawn;  // multiples of the jitter
  for (const Nanoseconds each : delays)
    drawn.push_back(static_cast<double>((each - delay).count()) /
                    static_cast<double>(jitter.count()));
  // What the way itself adds moves all of them alike, and is taken out as far as it is allowed to
  // be. Not as the distance of the sample's mean from the distribution's: that is off by chance, by
  // some 0.02 jitters for 2000 packets, and near its lower end a Pareto distribution gains 2.25 of
  // its share per jitter. The offset that fits best is no worse than the true one, for which the
  // bound is made. It lies where the most that is missing below a value equals the most
  // that there is too much: the one shrinks with the offset, the other grows.
  double low = -allowed_offset(delay) / static_cast<double>(jitter.count());
  double high = -low;
  for (int i = 0; i < 20; ++i) {
    const double middle = (low + high) / 2;
    const Distances distances = distances_from(distribution, drawn, middle);
    (distances.too_few > distances.too_many ? low : high) = middle;
  }
  const double offset = (low + high) / 2;
  const Distances found = distances_from(distribution, drawn, offset);
  const double widest = std::max(found.too_few, found.too_many);
  const double most = 1.9495 / std::sqrt(static_cast<double>(drawn.size()));
  return answer(widest <= most,
                fmt::format("distance {:.4f}, at most {:.4f} for {} packets, after an offset of "
                            "{:.3f} ms",
                            widest, most, drawn.size(),
                            milliseconds(offset * static_cast<double>(jitter.count()))));
}

AssertionResult share_lost_is(const NetemTrace& trace, double share) {
  const auto copies = trace.copies();
  const auto lost = static_cast<std::size_t>(std::ranges::count(copies, 0U));
  return within_binomial("lost", lost, copies.size(), share);
}

AssertionResult share_duplicated_is(const NetemTrace& trace, double share) {
  const auto copies = trace.copies();
  if (std::ranges::any_of(copies, [](unsigned count) { return count > 2; }))
    return answer(false, "a packet arrived more than twice");
  const auto twice = static_cast<std::size_t>(std::ranges::count(copies, 2U));
  return within_binomial("arrived twice", twice, copies.size(), share);
}

AssertionResult share_corrupted_is(const NetemTrace& trace, double share) {
  std::size_t corrupted = 0;
  for (const NetemArrival& arrival : trace.arrivals()) {
    if (arrival.flipped_bits > 1)
      return answer(false, fmt::format("packet {} arrived with {} flipped bits", arrival.number,
                                       arrival.flipped_bits));
    corrupted += arrival.flipped_bits;
  }
  return within_binomial("corrupted", corrupted, trace.arrivals().size(), share);
}

AssertionResult share_reordered_is(const NetemTrace& trace, Nanoseconds delay, double share) {
  const auto delays = trace.delays();
  const auto ahead = static_cast<std::size_t>(
      std::ranges::count_if(delays, [&](Nanoseconds each) { return each < delay / 2; }));
  return within_binomial("went ahead", ahead, delays.size(), share);
}

double share_ahead_with_gap(std::uint32_t gap, double share) {
  return 1 / (static_cast<double>(gap) - 1 + 1 / share);
}

AssertionResult loss_bursts_are(const NetemTrace& trace, double mean_length, double share) {
  const auto copies = trace.copies();
  if (copies.size() < enough_packets)
    return answer(false, fmt::format("only {} packets", copies.size()));
  std::size_t lost = 0;
  std::size_t bursts = 0;
  for (std::size_t i = 0; i < copies.size(); ++i) {
    if (copies[i] != 0) continue;
    ++lost;
    if (i == 0 || copies[i - 1] != 0) ++bursts;
  }
  if (bursts == 0) return answer(false, "nothing was lost");
  const auto n = static_cast<double>(copies.size());
  const auto m = static_cast<double>(bursts);
  const auto k = static_cast<double>(lost);
  // Geometric lengths, from 1 on.
  const double length_reach = sigmas * std::sqrt(mean_length * (mean_length - 1) / m);
  // Of a chain of two states, whose memory makes the sample worth fewer packets.
  const double leave = 1 / mean_length;
  const double enter = share * leave / (1 - share);
  const double memory = 1 - enter - leave;
  const double share_reach =
      sigmas * std::sqrt(share * (1 - share) / n * (1 + memory) / (1 - memory));
  const bool good =
      std::abs(k / m - mean_length) <= length_reach && std::abs(k / n - share) <= share_reach;
  return answer(good,
                fmt::format("{} bursts of {:.3f} packets (asked for {:.3f} +- {:.3f}), {:.3f} "
                            "% lost (asked for {:.3f} +- {:.3f})",
                            bursts, k / m, mean_length, length_reach, 100 * k / n, 100 * share,
                            100 * share_reach));
}

AssertionResult share_lost_by_two_states_is(const NetemTrace& trace,
                                            const faults::GemodelLoss& loss) {
  const auto copies = trace.copies();
  const double bad = loss.p / (loss.p + loss.r);
  const double share = (1 - bad) * loss.loss_in_good + bad * loss.loss_in_bad;
  // Two packets j apart are lost together more often than by chance alone: what both states have
  // apart, times how much of a state is left after j steps, which is memory^j.
  const double memory = 1 - loss.p - loss.r;
  const double apart = loss.loss_in_bad - loss.loss_in_good;
  const double together = (1 - bad) * bad * apart * apart * memory / (1 - memory);
  const double wider = std::sqrt(1 + 2 * together / (share * (1 - share)));
  const auto lost = static_cast<std::size_t>(std::ranges::count(copies, 0U));
  return within_binomial("lost", lost, copies.size(), share, wider);
}

AssertionResult rate_is(const NetemTrace& trace, std::uint64_t bits_per_second, std::size_t bytes) {
  const auto& arrivals = trace.arrivals();
  constexpr std::size_t parts = 10;
  constexpr double least_whole = 0.85;  // a machine that stood still for longer measured nothing
  if (arrivals.size() < 100) return answer(false, "fewer than 100 packets arrived");
  const auto rate_of = [&](std::size_t first, std::size_t last) {
    const double seconds =
        static_cast<double>((arrivals[last].at - arrivals[first].at).count()) / 1e9;
    return static_cast<double>((last - first) * bytes * 8) / seconds;
  };
  const std::size_t last = arrivals.size() - 1;
  std::vector<double> rates;
  for (std::size_t part = 0; part < parts; ++part)
    rates.push_back(rate_of(last * part / parts, last * (part + 1) / parts));
  std::ranges::sort(rates);
  const double whole = rate_of(0, last);
  const double usual = (rates[parts / 2 - 1] + rates[parts / 2]) / 2;
  const auto asked = static_cast<double>(bits_per_second);
  const auto is_asked = [&](double rate) { return std::abs(rate / asked - 1) <= 0.03; };
  return answer(
      is_asked(whole) || (whole < asked && whole >= least_whole * asked && is_asked(usual)),
      fmt::format("{:.0f} bit/s in all, {:.0f} in the median tenth, asked for {:.0f} +- 3 %", whole,
                  usual, asked));
}

}  // namespace nospof::test
