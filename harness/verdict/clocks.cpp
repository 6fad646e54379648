#include "verdict/clocks.hpp"

#include <algorithm>
#include <cmath>

#include "verdict/in_lab.hpp"

namespace nospof::verdict {

namespace {

std::int64_t middle(const ClockReading& reading) {
  if (reading.same) return 0;
  return reading.host_ns - reading.sent_ns - (reading.received_ns - reading.sent_ns) / 2;
}

std::int64_t drift_over(std::int64_t ns) {
  return static_cast<std::int64_t>(std::ceil(static_cast<double>(std::abs(ns)) * clock_drift));
}

// What a reading says of the offset at a time of the host's clock.
struct Bounds {
  std::int64_t least;
  std::int64_t most;
};

Bounds bounds_of(const ClockReading& reading, std::int64_t host_ns) {
  if (reading.same) return {0, 0};
  const std::int64_t drift = drift_over(host_ns - reading.host_ns);
  return {reading.host_ns - reading.received_ns - drift, reading.host_ns - reading.sent_ns + drift};
}

std::int64_t distance(std::int64_t at, std::int64_t from, std::int64_t to) {
  return at < from ? from - at : at > to ? at - to : 0;
}

// On a straight line between the two: no jump where one reading takes over from the other.
std::int64_t between(const ClockReading& before, const ClockReading& after, std::int64_t host_ns) {
  const std::int64_t length = after.host_ns - before.host_ns;
  if (length <= 0) return middle(after);
  const double share = std::clamp(
      static_cast<double>(host_ns - before.host_ns) / static_cast<double>(length), 0.0, 1.0);
  const std::int64_t change = middle(after) - middle(before);
  return middle(before) + std::llround(share * static_cast<double>(change));
}

// 0 means that nobody knows.
void map_time(const HostClocks& clocks, const std::string& host, std::int64_t& at_ns) {
  if (at_ns != 0 && !clocks.is_own(host)) at_ns = clocks.to_own(host, at_ns);
}

void map_seen_times(LabRecord& lab) {
  lab.clocks = HostClocks(lab.clock_readings);
  for (Sighting& sighting : lab.sightings) {
    map_time(lab.clocks, sighting.host, sighting.finding.at_ns);
    map_time(lab.clocks, sighting.host, sighting.finding.since_ns);
  }
  for (Look& look : lab.looks) {
    map_time(lab.clocks, look.host, look.round.begin_ns);
    map_time(lab.clocks, look.host, look.round.end_ns);
  }
}

void map_step_times(const RunRecord& run, CellRecord& cell) {
  const HostClocks& clocks = lab_record(run, cell.lab).clocks;
  for (Step& step : cell.steps)
    if (!step.clock.empty()) map_time(clocks, step.clock, step.at_ns);
}

void map_samples(const std::string& prober, LabRecord& lab) {
  if (lab.clocks.is_own(prober)) return;
  for (kinds::Sample& sample : lab.samples)
    for (std::int64_t* at_ns : {&sample.scheduled_ns, &sample.started_ns, &sample.finished_ns})
      *at_ns = lab.clocks.to_own(prober, *at_ns);
}

}  // namespace

HostClocks::HostClocks(const std::vector<ClockReading>& readings) {
  for (const ClockReading& reading : readings) {
    std::vector<Boot>& boots = boots_[reading.host];
    const auto boot = std::ranges::find_if(
        boots, [&](const Boot& other) { return other.front().boot_id == reading.boot_id; });
    if (boot == boots.end())
      boots.push_back({reading});
    else
      boot->push_back(reading);
  }
  for (auto& [host, boots] : boots_)
    for (Boot& boot : boots) std::ranges::stable_sort(boot, {}, &ClockReading::host_ns);
}

bool HostClocks::is_own(const std::string& host) const {
  const auto found = boots_.find(host);
  return found == boots_.end() || std::ranges::all_of(found->second, [](const Boot& boot) {
           return std::ranges::all_of(boot, &ClockReading::same);
         });
}

// A clock begins anew with each boot: the one whose readings are the nearest.
const HostClocks::Boot* HostClocks::boot_at(const std::string& host, std::int64_t host_ns) const {
  const auto found = boots_.find(host);
  if (found == boots_.end()) return nullptr;
  return &*std::ranges::min_element(found->second, {}, [&](const Boot& boot) {
    return distance(host_ns, boot.front().host_ns, boot.back().host_ns);
  });
}

ClockOffset HostClocks::offset_in(const Boot& boot, std::int64_t host_ns) {
  auto after = std::ranges::lower_bound(boot, host_ns, {}, &ClockReading::host_ns);
  if (after == boot.end()) --after;
  const auto before = after == boot.begin() ? after : std::prev(after);
  const Bounds one = bounds_of(*before, host_ns);
  const Bounds other = bounds_of(*after, host_ns);
  Bounds both{std::max(one.least, other.least), std::min(one.most, other.most)};
  ClockOffset offset;
  offset.consistent = both.least <= both.most;
  // Not both can be true: either may.
  if (!offset.consistent) both = {std::min(one.least, other.least), std::max(one.most, other.most)};
  const std::int64_t ahead = std::clamp(between(*before, *after, host_ns), both.least, both.most);
  offset.ahead = Nanoseconds(ahead);
  offset.uncertainty = Nanoseconds(std::max(ahead - both.least, both.most - ahead));
  return offset;
}

ClockOffset HostClocks::at(const std::string& host, std::int64_t host_ns) const {
  const Boot* boot = boot_at(host, host_ns);
  return boot == nullptr ? ClockOffset{} : offset_in(*boot, host_ns);
}

ClockOffset HostClocks::at_own(const std::string& host, std::int64_t own_ns) const {
  const auto found = boots_.find(host);
  if (found == boots_.end()) return {};
  const Boot& boot = *std::ranges::min_element(found->second, {}, [&](const Boot& each) {
    return distance(own_ns, each.front().sent_ns, each.back().received_ns);
  });
  const auto nearest = std::ranges::min_element(boot, {}, [&](const ClockReading& reading) {
    return distance(own_ns, reading.sent_ns, reading.received_ns);
  });
  return offset_in(boot, own_ns + middle(*nearest));
}

std::int64_t HostClocks::to_own(const std::string& host, std::int64_t host_ns) const {
  return host_ns - at(host, host_ns).ahead.count();
}

ClockOffset HostClocks::worst(const std::string& host) const {
  ClockOffset worst;
  const auto found = boots_.find(host);
  if (found == boots_.end()) return worst;
  worst.ahead = Nanoseconds(middle(found->second.back().back()));
  for (const Boot& boot : found->second)
    for (std::size_t i = 0; i < boot.size(); ++i) {
      const std::int64_t next_ns = boot[std::min(i + 1, boot.size() - 1)].host_ns;
      for (const std::int64_t at_ns :
           {boot[i].host_ns, boot[i].host_ns + (next_ns - boot[i].host_ns) / 2}) {
        const ClockOffset offset = offset_in(boot, at_ns);
        worst.uncertainty = std::max(worst.uncertainty, offset.uncertainty);
        worst.consistent = worst.consistent && offset.consistent;
      }
    }
  return worst;
}

std::vector<std::string> HostClocks::hosts() const {
  std::vector<std::string> names;
  for (const auto& [host, boots] : boots_) names.push_back(host);
  return names;
}

void map_event_times(RunRecord& run) {
  map_seen_times(run);
  for (LabRecord& lab : run.other_labs) map_seen_times(lab);
  for (CellRecord& cell : run.cells) {
    map_step_times(run, cell);
    for (CellRecord& earlier : cell.earlier) map_step_times(run, earlier);
  }
}

void map_sample_times(RunRecord& run) {
  map_samples(run.probe.from, run);
  for (LabRecord& lab : run.other_labs) map_samples(run.probe.from, lab);
}

}  // namespace nospof::verdict
