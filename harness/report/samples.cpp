#include "report/samples.hpp"

#include <fmt/format.h>

#include "spec/units.hpp"

namespace nospof::report {

namespace {

using spec::human_duration;

std::string duration_text(const std::optional<Nanoseconds>& duration) {
  return duration ? human_duration(*duration) : "-";
}

std::string figures(const std::string& name, const verdict::Histogram& histogram) {
  const verdict::Latencies figures = verdict::latencies(histogram);
  std::string text = fmt::format("{:<14}", name);
  for (const auto& figure :
       {figures.p50, figures.p90, figures.p99, figures.p999, figures.p9999, figures.max})
    text += fmt::format("{:>10}", duration_text(figure));
  return text + "\n";
}

}  // namespace

SampleSummary::SampleSummary(SampleSource source)
    : source_(std::move(source)), outages_(source_.settle, verdict::late_limit(source_.period)) {}

void SampleSummary::add(const kinds::Sample& sample) {
  if (count_ == 0) first_due_ns_ = sample.scheduled_ns;
  last_due_ns_ = sample.scheduled_ns;
  ++count_;
  counts_.add(sample);
  if (verdict::answered(sample)) {
    latency_.add(verdict::latency_of(sample));
    service_time_.add(verdict::service_time_of(sample));
  }
  if (const auto over = outages_.add(sample)) take(*over);
}

void SampleSummary::take(verdict::Outage outage) {
  outage.clock = source_.clock;
  longest_ = verdict::longer_of(longest_, outage.length());
}

std::string SampleSummary::head() const {
  // Each has a period of its own.
  const Nanoseconds length = Nanoseconds(last_due_ns_ - first_due_ns_) + source_.period;
  const double seconds = std::chrono::duration<double>(length).count();
  std::string text =
      fmt::format("{}: {} samples in {}", source_.probe, count_, human_duration(length));
  if (seconds > 0)
    text += fmt::format(", {:.4g} a second (one is due every {})",
                        static_cast<double>(count_) / seconds, human_duration(source_.period));
  text += "\n";
  if (source_.wall_minus_mono != Nanoseconds(0))
    text += fmt::format("due from {} to {}\n",
                        utc_text(WallTime(Nanoseconds(first_due_ns_) + source_.wall_minus_mono)),
                        utc_text(WallTime(Nanoseconds(last_due_ns_) + source_.wall_minus_mono)));
  return text;
}

std::string SampleSummary::outcomes() const {
  std::string text = fmt::format("\n{:<20}{:>10}{:>10}\n", "outcome", "samples", "share");
  for (std::size_t i = 0; i < counts_.classes.size(); ++i) {
    if (counts_.classes[i] == 0) continue;
    const double share = static_cast<double>(counts_.classes[i]) / static_cast<double>(count_);
    text +=
        fmt::format("{:<20}{:>10}{:>9.2f}%\n", kinds::outcome_name(static_cast<kinds::Outcome>(i)),
                    counts_.classes[i], share * 100);
  }
  return text;
}

std::string SampleSummary::table() {
  if (count_ == 0) return fmt::format("{}: no samples\n", source_.probe);
  if (const auto open = outages_.finish()) take(*open);
  return head() + outcomes() +
         fmt::format("\n{:<14}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "right answers", "p50",
                     "p90", "p99", "p99.9", "p99.99", "max") +
         figures("latency", latency_) + figures("service time", service_time_) +
         fmt::format("\nlongest outage: {} (over when all is served for {})\n",
                     verdict::interval_text(longest_), human_duration(source_.settle));
}

}  // namespace nospof::report
