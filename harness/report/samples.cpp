#include "report/samples.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "spec/units.hpp"
#include "verdict/outages.hpp"
#include "verdict/percentiles.hpp"

namespace nospof::report {

namespace {

using spec::human_duration;

std::string duration_text(const std::optional<Nanoseconds>& duration) {
  return duration ? human_duration(*duration) : "-";
}

std::string head(const SampleSet& set) {
  const std::int64_t first = set.samples.front().scheduled_ns;
  const std::int64_t last = set.samples.back().scheduled_ns;
  // Each has a period of its own.
  const Nanoseconds length = Nanoseconds(last - first) + set.period;
  const auto count = static_cast<double>(set.samples.size());
  const double seconds = std::chrono::duration<double>(length).count();
  std::string text =
      fmt::format("{}: {} samples in {}", set.probe, set.samples.size(), human_duration(length));
  if (seconds > 0)
    text += fmt::format(", {:.4g} a second (one is due every {})", count / seconds,
                        human_duration(set.period));
  text += "\n";
  if (set.wall_minus_mono != Nanoseconds(0))
    text += fmt::format("due from {} to {}\n",
                        utc_text(WallTime(Nanoseconds(first) + set.wall_minus_mono)),
                        utc_text(WallTime(Nanoseconds(last) + set.wall_minus_mono)));
  return text;
}

std::string outcomes(const SampleSet& set) {
  const verdict::Counts counts = verdict::count(set.samples);
  std::string text = fmt::format("\n{:<20}{:>10}{:>10}\n", "outcome", "samples", "share");
  for (std::size_t i = 0; i < counts.classes.size(); ++i) {
    if (counts.classes[i] == 0) continue;
    const double share =
        static_cast<double>(counts.classes[i]) / static_cast<double>(set.samples.size());
    text +=
        fmt::format("{:<20}{:>10}{:>9.2f}%\n", kinds::outcome_name(static_cast<kinds::Outcome>(i)),
                    counts.classes[i], share * 100);
  }
  return text;
}

std::string figures(const std::string& name, const verdict::Histogram& histogram) {
  const verdict::Latencies figures = verdict::latencies(histogram);
  std::string text = fmt::format("{:<14}", name);
  for (const auto& figure :
       {figures.p50, figures.p90, figures.p99, figures.p999, figures.p9999, figures.max})
    text += fmt::format("{:>10}", duration_text(figure));
  return text + "\n";
}

std::string latencies(const SampleSet& set) {
  verdict::Histogram latency;
  verdict::Histogram service_time;
  for (const kinds::Sample& sample : set.samples) {
    if (!verdict::answered(sample)) continue;
    latency.add(verdict::latency_of(sample));
    service_time.add(verdict::service_time_of(sample));
  }
  return fmt::format("\n{:<14}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "right answers", "p50",
                     "p90", "p99", "p99.9", "p99.99", "max") +
         figures("latency", latency) + figures("service time", service_time);
}

}  // namespace

std::string samples_table(const SampleSet& given) {
  if (given.samples.empty()) return fmt::format("{}: no samples\n", given.probe);
  SampleSet set = given;
  std::ranges::sort(set.samples, verdict::earlier);
  const auto outages =
      verdict::find_outages(set.samples, set.settle, verdict::late_limit(set.period));
  return head(set) + outcomes(set) + latencies(set) +
         fmt::format("\nlongest outage: {} (over when all is served for {})\n",
                     verdict::interval_text(verdict::longest_of(outages)),
                     human_duration(set.settle));
}

}  // namespace nospof::report
