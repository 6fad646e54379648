#include "verdict/live.hpp"

#include <algorithm>
#include <span>

namespace nospof::verdict {

namespace {

bool hit_by(const kinds::Sample& sample, std::int64_t since_ns) {
  return sample.scheduled_ns >= since_ns || sample.finished_ns >= since_ns;
}

std::optional<std::int64_t> first_served_since(std::span<const kinds::Sample> samples,
                                               std::int64_t since_ns) {
  for (const kinds::Sample& sample : samples)
    if (sample.scheduled_ns >= since_ns && service_of(sample.outcome) == Service::served)
      return sample.scheduled_ns;
  return std::nullopt;
}

}  // namespace

LiveView::LiveView(std::int64_t period_ns, std::int64_t settle_ns)
    : period_ns_(std::max<std::int64_t>(period_ns, 1)), settle_ns_(settle_ns) {}

void LiveView::add(const kinds::Sample& sample) {
  if (sample.scheduled_ns < forgotten_before_ns_) return;
  longest_flight_ns_ = std::max(longest_flight_ns_, sample.finished_ns - sample.scheduled_ns);
  // Completion is nearly in the order of the schedule, so the place is near the end.
  auto place = by_schedule_.end();
  while (place != by_schedule_.begin() && earlier(sample, *std::prev(place))) --place;
  by_schedule_.insert(place, sample);
}

std::size_t LiveView::first_hit(std::int64_t since_ns) const {
  // A request that was on its way then was scheduled at most the longest flight before.
  const auto from = std::ranges::lower_bound(by_schedule_, since_ns - longest_flight_ns_, {},
                                             &kinds::Sample::scheduled_ns);
  const auto hit = std::find_if(from, by_schedule_.end(), [since_ns](const kinds::Sample& sample) {
    return hit_by(sample, since_ns);
  });
  return static_cast<std::size_t>(hit - by_schedule_.begin());
}

LiveView::Gaps LiveView::find_gaps(std::size_t from, std::int64_t since_ns,
                                   std::int64_t now_ns) const {
  Gaps gaps;
  std::optional<std::int64_t> oldest_due;
  const auto miss = [&](std::uint64_t how_many, std::int64_t first_due_ns, std::size_t before) {
    if (how_many == 0) return;
    gaps.pending += how_many;
    if (oldest_due) return;
    oldest_due = first_due_ns;
    gaps.whole_until = before;
  };
  const auto slots = [this](std::int64_t length_ns) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(length_ns, 0) / period_ns_);
  };
  gaps.whole_until = by_schedule_.size();
  if (from == by_schedule_.size() && from == 0) {
    miss(slots(now_ns - since_ns), since_ns, 0);
  } else if (from == 0) {
    // Nothing older is known: the schedule tells what should be, unless it began here.
    const kinds::Sample& first = by_schedule_.front();
    miss(std::min(first.sequence, slots(first.scheduled_ns - since_ns)), since_ns, 0);
  }
  for (std::size_t i = 1; i < by_schedule_.size(); ++i) {
    const kinds::Sample& last = by_schedule_[i - 1];
    const std::uint64_t next = last.sequence + 1;
    if (by_schedule_[i].sequence > next)
      miss(by_schedule_[i].sequence - next, last.scheduled_ns + period_ns_, i);
  }
  if (!by_schedule_.empty()) {
    const std::int64_t last_ns = by_schedule_.back().scheduled_ns;
    miss(slots(now_ns - last_ns), last_ns + period_ns_, by_schedule_.size());
  }
  if (oldest_due) gaps.oldest_pending_ns = std::max<std::int64_t>(now_ns - *oldest_due, 0);
  return gaps;
}

LiveState LiveView::since(std::int64_t since_ns, std::int64_t now_ns) const {
  LiveState state;
  since_ns = std::max(since_ns, forgotten_before_ns_);
  const std::size_t from = first_hit(since_ns);
  for (std::size_t i = from; i < by_schedule_.size(); ++i) {
    const kinds::Sample& sample = by_schedule_[i];
    if (!hit_by(sample, since_ns)) continue;
    ++state.classes.at(static_cast<std::size_t>(sample.outcome));
    const Service service = service_of(sample.outcome);
    state.unknown += service == Service::unknown ? 1U : 0U;
    state.total += service == Service::unknown ? 0U : 1U;
    state.failed += service == Service::failed ? 1U : 0U;
  }
  state.any_bad = state.failed > 0;

  const Gaps gaps = find_gaps(from, since_ns, now_ns);
  state.pending = gaps.pending;
  state.oldest_pending_ns = gaps.oldest_pending_ns;

  // One good sample before the window, so that an outage's upper bound has its beginning.
  const std::span<const kinds::Sample> all(by_schedule_);
  const bool good_before =
      from > 0 && service_of(by_schedule_[from - 1].outcome) == Service::served;
  const auto outages = find_outages(all.subspan(good_before ? from - 1 : from),
                                    Nanoseconds(settle_ns_), late_limit(Nanoseconds(period_ns_)));
  state.longest = longest_of(outages);

  const std::size_t whole_until = std::max(gaps.whole_until, from);
  for (const kinds::Sample& sample : all.subspan(from, whole_until - from)) {
    const Service service = service_of(sample.outcome);
    if (service == Service::served) state.served_until = sample.scheduled_ns;
    if (service == Service::failed) state.served_until.reset();
  }
  std::optional<std::int64_t> stretch = outages.empty()
                                            ? first_served_since(all.subspan(from), since_ns)
                                            : outages.back().first_ok_after_ns;
  if (stretch && state.served_until && *state.served_until - *stretch >= settle_ns_ &&
      state.oldest_pending_ns <= settle_ns_)
    state.settled_since = stretch;
  return state;
}

void LiveView::forget_before(std::int64_t before_ns) {
  auto keep = std::ranges::lower_bound(by_schedule_, before_ns, {}, &kinds::Sample::scheduled_ns);
  // The last one before stays: it tells whether a result is missing right after it.
  if (keep != by_schedule_.begin()) --keep;
  by_schedule_.erase(by_schedule_.begin(), keep);
  forgotten_before_ns_ = std::max(forgotten_before_ns_, before_ns);
}

}  // namespace nospof::verdict
