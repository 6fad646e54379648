#pragma once
// What the probes that look saw of a cell: TLS, clear text, firewalls, the VIP's owners, lost
// writes, and what the stack's own monitoring noticed. Pure: no file, no clock.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "verdict/outages.hpp"
#include "verdict/record.hpp"

namespace nospof::verdict {

/// A finding from the moment it was told until it was told to be over. How exactly its ends are
/// known depends on how often its probe looks: it began between `not_before_ns` and `seen_ns`, and
/// ended between `last_seen_ns` and `over_ns`. `not_before_ns` is 0 when nobody had looked before.
struct Span {
  std::string kind;  ///< of its probe
  std::string host;  ///< who saw it
  kinds::Finding finding;
  std::int64_t not_before_ns = 0;
  std::int64_t seen_ns = 0;
  std::int64_t last_seen_ns = 0;
  std::optional<std::int64_t> over_ns;  ///< none: it never was over
  /// How far each of these times may be off, as its host's clock is not the controller's.
  Nanoseconds clock{0};
  /// Its count from a moment on, in the order of time; the finding has the first one.
  struct Count {
    std::int64_t from_ns = 0;
    std::uint64_t count = 0;
  };
  std::vector<Count> counts;
  /// As it was told last; 0 when it is over.
  std::uint64_t remaining() const;
};

/// Of the probe with that name; its name when nobody told.
std::string kind_of(const LabRecord& run, const std::string& probe);

/// In the order in which they were seen. What a probe had found is over when it begins anew, except
/// for lost writes: a ledger that begins anew has forgotten them.
std::vector<Span> spans_of(const RunRecord& run);

/// The time of one cell, CLOCK_MONOTONIC nanoseconds.
struct CellTime {
  std::int64_t begin_ns = 0;
  std::int64_t injected_ns = 0;
  std::int64_t end_ns = 0;
  std::optional<std::int64_t> healed_ns = {};  ///< measured; none: it never was
  Nanoseconds clock{0};                        ///< how far the injection may be off, as Span::clock
  bool breaks_tls = false;                     ///< by what its fault is there for
  bool ended_whole = true;                     ///< the stack was redundant again
};

struct Observations {
  std::set<std::string> looked;  ///< kinds of probe that could tell something within the cell
  std::set<std::string> blind;   ///< kinds that were to look, and could tell nothing
  /// What began after the injection and may never be, one line each, however many saw it.
  std::vector<std::string> violations;
  /// The same of acknowledged writes that never came back. They say something only about a stack
  /// that was whole again.
  std::vector<std::string> losses;
  std::uint64_t tls = 0;          ///< of the violations: of kind tls-path
  std::uint64_t clear_text = 0;   ///< of kind plaintext-canary
  std::uint64_t open = 0;         ///< of kind firewall: flows that should be closed
  std::uint64_t unknown = 0;      ///< of kind connections: that no flow allows
  std::uint64_t lost_writes = 0;  ///< writes, not findings, that never came back
  /// Acknowledged writes that a read after the injection did not see, and that were there after
  /// all.
  std::uint64_t stale_reads = 0;
  /// Allowed flows that were closed when the fault was injected, or still are at the cell's end.
  std::vector<std::string> closed;
  /// From the injection until the first alert that had not fired before; none: no alert.
  std::optional<Interval> detected;
  std::string alert;               ///< which one
  bool alert_cleared = false;      ///< it was over before the cell was
  std::uint64_t false_alerts = 0;  ///< that began before the injection, when nothing was broken
  Interval without_owner;    ///< of the VIP: the longest time that nobody had it, as users see
  Interval with_two_owners;  ///< and that two had it
};

/// Of an entry of `blind`, as a sentence.
std::string blind_text(const std::string& kind);

/// Probes that were to look, and could tell nothing in the whole run ("tls-path on db1"): whatever
/// only they look at was never examined, though others of their kind could tell something. Not
/// those of firewalls: one on a host that may talk to nobody is always undecided.
std::vector<std::string> blind_all_along(const RunRecord& run);

Observations observations_of(const RunRecord& run, const std::vector<Span>& spans,
                             const CellTime& time);

/// Something that may never be and that no fault brought about: it was there before.
struct StandingFinding {
  std::string kind;
  std::string what;
  std::string subject;
  std::string detail;  ///< as one of the hosts told it
  std::vector<std::string> hosts;
};

/// `times`: of all cells whose fault was injected. What is over before the first injection in its
/// lab does not count: the stack was still starting.
std::vector<StandingFinding> standing_findings(const RunRecord& run, const std::vector<Span>& spans,
                                               const std::vector<CellTime>& times);

}  // namespace nospof::verdict
