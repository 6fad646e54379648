#pragma once
// Samples -> outages. An outage is known only as finely as it was sampled, so it is always an
// interval: it lasted at least `lower` and at most `upper`.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kinds/sample.hpp"
#include "system/clock.hpp"

namespace nospof::verdict {

/// A length of time as far as samples can tell.
struct Interval {
  Nanoseconds lower{0};
  std::optional<Nanoseconds> upper = Nanoseconds{0};  ///< none: no end is known
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// "none", "1.2 s .. 1.24 s", "at most 40 ms" (a single failure), "at least 3.1 s" (open-ended).
std::string interval_text(const Interval& interval);

/// Each bound moved outwards by that much; the lower one not below zero.
Interval widened(const Interval& interval, Nanoseconds by);

/// Whether a sample counts as served, as not served, or tells nothing about the stack.
enum class Service { served, failed, unknown };
Service service_of(kinds::Outcome outcome);

/// How many samples of each outcome, indexed by kinds::Outcome.
using ClassCounts = std::array<std::uint64_t, kinds::outcome_count>;

/// A stretch of time, on the axis of scheduled times, in which users were not served dependably.
struct Outage {
  std::int64_t first_bad_ns = 0;  ///< scheduled time of the first sample that failed
  std::int64_t last_bad_ns = 0;   ///< and of the last
  std::optional<std::int64_t> last_ok_before_ns;  ///< none: the data begin inside the outage
  std::optional<std::int64_t> first_ok_after_ns;  ///< none when unfinished
  bool unfinished = false;                        ///< the data end before service had settled
  /// How far either end may be off, since the clock that timed the samples is not the controller's.
  Nanoseconds clock{0};
  /// When it first answered again; 0: first_ok_after_ns says all. A stack that stood still answers
  /// late what was due meanwhile, and some of that not too late.
  std::int64_t back_by_ns = 0;
  std::uint64_t failed = 0;
  std::uint64_t served = 0;        ///< good answers in between, too few in a row to settle
  ClassCounts classes{};           ///< of the failed ones
  std::uint64_t started_late = 0;  ///< failed ones whose prober was late: weak evidence
  std::optional<std::int64_t> over_by_ns() const;  ///< none when unfinished
  Interval length() const;
};

/// Orders by scheduled time (then sequence), as find_outages() needs it.
bool earlier(const kinds::Sample& a, const kinds::Sample& b);

/// An outage begins with the first failed sample and ends with the first served one from which on
/// everything stays served for `settle`: a stack that fails every second request is one long
/// outage, not many short ones. Samples that tell nothing (local-error) are passed over.
///
/// A stack that stands still and goes on answers late what was due meanwhile. Some of that is not
/// too late and counts as served, but it shows that the stack was silent until its first answer.
class OutageFinder {
 public:
  /// `late` is by how much a sample may start after its schedule.
  OutageFinder(Nanoseconds settle, Nanoseconds late)
      : settle_(settle.count()), late_(late.count()) {}

  /// In the order of earlier(). The outage that is now known to be over.
  std::optional<Outage> add(const kinds::Sample& sample);
  /// After the last sample: the outage that is not over.
  std::optional<Outage> finish();

 private:
  std::optional<Outage> served(const kinds::Sample& sample);
  std::optional<Outage> failed(const kinds::Sample& sample);
  std::optional<Outage> close_if_settled_at(std::int64_t now_ns);
  void note_answer(const kinds::Sample& sample);
  void find_its_ends();

  std::int64_t settle_;
  std::int64_t late_;
  Outage outage_;
  bool open_ = false;
  std::optional<std::int64_t> last_ok_;
  kinds::Sample last_bad_;                 // of the open outage, as are:
  std::optional<kinds::Sample> first_ok_;  // of the good stretch
  std::vector<std::int64_t> answers_;      // when, since the last failure was due
  std::uint64_t oks_ = 0;                  // its length
};
std::vector<Outage> find_outages(std::span<const kinds::Sample> by_schedule, Nanoseconds settle,
                                 Nanoseconds late);

/// Of two lengths the longer: the larger lower and the larger upper bound, which may be of both.
Interval longer_of(const Interval& one, const Interval& other);
/// Zero when there are none.
Interval longest_of(const std::vector<Outage>& outages);

/// A prober that starts later than this after its schedule measures itself.
Nanoseconds late_limit(Nanoseconds period);

}  // namespace nospof::verdict
