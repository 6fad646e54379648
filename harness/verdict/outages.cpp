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

Interval Outage::length() const {
  Interval interval{Nanoseconds(last_bad_ns - first_bad_ns), std::nullopt};
  if (last_ok_before_ns && first_ok_after_ns)
    interval.upper = Nanoseconds(*first_ok_after_ns - *last_ok_before_ns);
  return interval;
}

bool earlier(const kinds::Sample& a, const kinds::Sample& b) {
  return a.scheduled_ns != b.scheduled_ns ? a.scheduled_ns < b.scheduled_ns
                                          : a.sequence < b.sequence;
}

namespace {

// Walks once over the samples; holds the outage that is not known to be over.
class Walk {
 public:
  Walk(Nanoseconds settle, Nanoseconds late) : settle_(settle.count()), late_(late.count()) {}

  void served(const kinds::Sample& sample) {
    last_ok_ = sample.scheduled_ns;
    if (!open_) return;
    if (!ok_since_) ok_since_ = sample.scheduled_ns;
    ++oks_;
    close_if_settled_at(sample.scheduled_ns);
  }

  void failed(const kinds::Sample& sample) {
    const auto before = last_ok_;
    close_if_settled_at(sample.scheduled_ns);
    if (!open_) {
      open_ = true;
      outage_ = {};
      outage_.first_bad_ns = sample.scheduled_ns;
      outage_.last_ok_before_ns = before;
    }
    outage_.served += oks_;
    oks_ = 0;
    ok_since_.reset();
    outage_.last_bad_ns = sample.scheduled_ns;
    ++outage_.failed;
    ++outage_.classes.at(static_cast<std::size_t>(sample.outcome));
    if (sample.started_ns - sample.scheduled_ns > late_) ++outage_.started_late;
  }

  std::vector<Outage> finish() {
    if (open_) {
      outage_.unfinished = true;
      outage_.served += oks_;
      found_.push_back(outage_);
    }
    return std::move(found_);
  }

 private:
  void close_if_settled_at(std::int64_t now_ns) {
    if (!open_ || !ok_since_ || now_ns - *ok_since_ < settle_) return;
    outage_.first_ok_after_ns = ok_since_;
    found_.push_back(outage_);
    open_ = false;
    oks_ = 0;
    ok_since_.reset();
  }

  std::int64_t settle_;
  std::int64_t late_;
  std::vector<Outage> found_;
  Outage outage_;
  bool open_ = false;
  std::optional<std::int64_t> last_ok_;
  std::optional<std::int64_t> ok_since_;  // start of the good stretch inside the open outage
  std::uint64_t oks_ = 0;                 // its length
};

}  // namespace

std::vector<Outage> find_outages(std::span<const kinds::Sample> by_schedule, Nanoseconds settle,
                                 Nanoseconds late) {
  Walk walk(settle, late);
  for (const kinds::Sample& sample : by_schedule) {
    switch (service_of(sample.outcome)) {
      case Service::served:
        walk.served(sample);
        break;
      case Service::failed:
        walk.failed(sample);
        break;
      case Service::unknown:
        break;
    }
  }
  return walk.finish();
}

Interval longest_of(const std::vector<Outage>& outages) {
  Interval longest;
  for (const Outage& outage : outages) {
    const Interval length = outage.length();
    longest.lower = std::max(longest.lower, length.lower);
    if (!length.upper)
      longest.upper.reset();
    else if (longest.upper)
      longest.upper = std::max(*longest.upper, *length.upper);
  }
  return longest;
}

Nanoseconds late_limit(Nanoseconds period) {
  return std::max<Nanoseconds>(period, std::chrono::milliseconds(50));
}

}  // namespace nospof::verdict
