#include "verdict/outages.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "spec/units.hpp"

namespace nospof::verdict {

std::string interval_text(const Interval& interval) {
  if (!interval.upper) return "at least " + spec::human_duration(interval.lower);
  if (*interval.upper == Nanoseconds{0}) return "none";
  if (interval.lower == Nanoseconds{0}) return "at most " + spec::human_duration(*interval.upper);
  return fmt::format("{} .. {}", spec::human_duration(interval.lower),
                     spec::human_duration(*interval.upper));
}

Interval widened(const Interval& interval, Nanoseconds by) {
  Interval wider{std::max(interval.lower - by, Nanoseconds{0}), interval.upper};
  if (wider.upper) *wider.upper += by;
  return wider;
}

Service service_of(kinds::Outcome outcome) {
  switch (outcome) {
    case kinds::Outcome::ok:
      return Service::served;
    case kinds::Outcome::local_error:
      return Service::unknown;
    case kinds::Outcome::slow:
    case kinds::Outcome::connect_refused:
    case kinds::Outcome::connect_timeout:
    case kinds::Outcome::unreachable:
    case kinds::Outcome::reset:
    case kinds::Outcome::timeout:
    case kinds::Outcome::dns:
    case kinds::Outcome::tls_handshake:
    case kinds::Outcome::tls_untrusted:
    case kinds::Outcome::tls_wrong_identity:
    case kinds::Outcome::tls_expired:
    case kinds::Outcome::tls_truncated:
    case kinds::Outcome::http_status:
    case kinds::Outcome::http_malformed:
    case kinds::Outcome::wrong_body:
    case kinds::Outcome::no_data:
    case kinds::Outcome::command_failed:
      return Service::failed;
  }
  return Service::failed;
}

std::optional<std::int64_t> Outage::over_by_ns() const {
  if (!first_ok_after_ns) return std::nullopt;
  return std::max(*first_ok_after_ns, back_by_ns);
}

Interval Outage::length() const {
  Interval interval{Nanoseconds(last_bad_ns - first_bad_ns), std::nullopt};
  if (const auto over_ns = over_by_ns(); over_ns && last_ok_before_ns)
    interval.upper = Nanoseconds(*over_ns - *last_ok_before_ns);
  return widened(interval, 2 * clock);
}

bool earlier(const kinds::Sample& a, const kinds::Sample& b) {
  return a.scheduled_ns != b.scheduled_ns ? a.scheduled_ns < b.scheduled_ns
                                          : a.sequence < b.sequence;
}

std::optional<Outage> OutageFinder::add(const kinds::Sample& sample) {
  switch (service_of(sample.outcome)) {
    case Service::served:
      return served(sample);
    case Service::failed:
      return failed(sample);
    case Service::unknown:
      break;
  }
  return std::nullopt;
}

std::optional<Outage> OutageFinder::served(const kinds::Sample& sample) {
  last_ok_ = sample.scheduled_ns;
  if (!open_) return std::nullopt;
  if (!first_ok_) first_ok_ = sample;
  note_answer(sample);
  ++oks_;
  return close_if_settled_at(sample.scheduled_ns);
}

std::optional<Outage> OutageFinder::failed(const kinds::Sample& sample) {
  const std::optional<Outage> over = close_if_settled_at(sample.scheduled_ns);
  if (!open_) {
    open_ = true;
    outage_ = {};
    answers_.clear();
    outage_.first_bad_ns = sample.scheduled_ns;
    outage_.last_ok_before_ns = last_ok_;
  }
  outage_.served += oks_;
  oks_ = 0;
  first_ok_.reset();
  last_bad_ = sample;
  std::erase_if(answers_, [&](std::int64_t at_ns) { return at_ns < sample.scheduled_ns; });
  if (sample.outcome == kinds::Outcome::slow) note_answer(sample);
  outage_.last_bad_ns = sample.scheduled_ns;
  ++outage_.failed;
  ++outage_.classes.at(static_cast<std::size_t>(sample.outcome));
  if (sample.started_ns - sample.scheduled_ns > late_) ++outage_.started_late;
  return over;
}

void OutageFinder::note_answer(const kinds::Sample& sample) {
  answers_.push_back(sample.finished_ns);
}

void OutageFinder::find_its_ends() {
  const std::int64_t due_ns = first_ok_->scheduled_ns;
  const std::int64_t period_ns = due_ns - last_bad_.scheduled_ns;
  const std::int64_t answer_ns = *std::ranges::min_element(answers_);
  outage_.first_ok_after_ns = due_ns;
  // Within a period it is what an answer takes.
  if (answer_ns - due_ns > period_ns) outage_.back_by_ns = answer_ns;
}

std::optional<Outage> OutageFinder::close_if_settled_at(std::int64_t now_ns) {
  if (!open_ || !first_ok_ || now_ns - first_ok_->scheduled_ns < settle_) return std::nullopt;
  find_its_ends();
  open_ = false;
  oks_ = 0;
  first_ok_.reset();
  return outage_;
}

std::optional<Outage> OutageFinder::finish() {
  if (!open_) return std::nullopt;
  open_ = false;
  outage_.unfinished = true;
  outage_.served += oks_;
  return outage_;
}

std::vector<Outage> find_outages(std::span<const kinds::Sample> by_schedule, Nanoseconds settle,
                                 Nanoseconds late) {
  OutageFinder finder(settle, late);
  std::vector<Outage> found;
  for (const kinds::Sample& sample : by_schedule)
    if (const auto outage = finder.add(sample)) found.push_back(*outage);
  if (const auto outage = finder.finish()) found.push_back(*outage);
  return found;
}

Interval longer_of(const Interval& one, const Interval& other) {
  Interval longer{std::max(one.lower, other.lower), std::nullopt};
  if (one.upper && other.upper) longer.upper = std::max(*one.upper, *other.upper);
  return longer;
}

Interval longest_of(const std::vector<Outage>& outages) {
  Interval longest;
  for (const Outage& outage : outages) longest = longer_of(longest, outage.length());
  return longest;
}

Nanoseconds late_limit(Nanoseconds period) {
  return std::max<Nanoseconds>(period, std::chrono::milliseconds(50));
}

}  // namespace nospof::verdict
