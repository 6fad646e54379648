#include "verdict/observations.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include <fmt/format.h>

namespace nospof::verdict {

namespace {

constexpr std::string_view lost_write = "lost-write";
constexpr std::string_view unknown_connection = "unknown-connection";

// How often says whether it was one that went astray, or is how things are.
std::string detail_of(const Span& span) {
  const std::uint64_t times = span.counts.empty() ? 1 : span.counts.back().count;
  if (span.finding.what != unknown_connection || times <= 1) return span.finding.detail;
  return fmt::format("{}; {} times", span.finding.detail, times);
}

std::string text_of(const Span& span) {
  return fmt::format("{}: {} (seen on {}: {})", span.finding.what, span.finding.subject, span.host,
                     detail_of(span));
}

bool began_in(const Span& span, std::int64_t from_ns, std::int64_t to_ns) {
  return span.seen_ns >= from_ns && span.seen_ns < to_ns;
}

bool holds_at(const Span& span, std::int64_t at_ns) {
  return span.seen_ns <= at_ns && (!span.over_ns || *span.over_ns > at_ns);
}

Interval length_of(const Span& span) {
  Interval length{Nanoseconds(span.last_seen_ns - span.seen_ns), std::nullopt};
  if (span.over_ns && span.not_before_ns > 0)
    length.upper = Nanoseconds(*span.over_ns - span.not_before_ns);
  length = widened(length, 2 * span.clock);
  return length;
}

// Spans as they are told, event by event.
class SpanBuilder {
 public:
  explicit SpanBuilder(const RunRecord& run) : run_(run) {}

  void take(const Sighting& sighting) {
    const kinds::Finding& finding = sighting.finding;
    const Key key{sighting.host, sighting.probe, finding.what, finding.subject};
    const auto open = open_.find(key);
    if (open != open_.end() && finding.over) {
      spans_[open->second].last_seen_ns = finding.since_ns;
      spans_[open->second].over_ns = finding.at_ns;
      open_.erase(open);
    } else if (open != open_.end()) {
      spans_[open->second].counts.push_back({finding.at_ns, finding.count});
    } else if (!finding.over) {
      open_[key] = spans_.size();
      spans_.push_back({kind_of(run_, sighting.probe),
                        sighting.host,
                        finding,
                        finding.since_ns,
                        finding.at_ns,
                        finding.at_ns,
                        std::nullopt,
                        run_.clocks.at_own(sighting.host, finding.at_ns).uncertainty,
                        {{finding.at_ns, finding.count}}});
    }
  }
  // A probe that begins anew tells again what still is.
  void begin_anew(const std::string& host, std::int64_t at_ns) {
    for (auto entry = open_.begin(); entry != open_.end();) {
      if (std::get<0>(entry->first) != host) {
        ++entry;
        continue;
      }
      Span& span = spans_[entry->second];
      if (span.finding.what != lost_write) span.over_ns = at_ns;
      entry = open_.erase(entry);
    }
  }
  std::vector<Span> finish() {
    std::ranges::stable_sort(spans_, {}, &Span::seen_ns);
    return std::move(spans_);
  }

 private:
  using Key = std::tuple<std::string, std::string, std::string, std::string>;
  const RunRecord& run_;
  std::vector<Span> spans_;
  std::map<Key, std::size_t> open_;
};

// What became of writes shows only when they are read after everything is over.
void see_who_looked(const RunRecord& run, const CellTime& time, Observations& seen) {
  for (const Look& look : run.looks)
    if (look.round.end_ns >= time.injected_ns && look.round.begin_ns < time.end_ns &&
        look.round.checked > look.round.undecided)
      if (const std::string kind = kind_of(run, look.probe);
          kind != "ledger" || look.round.begin_ns >= time.healed_ns.value_or(0))
        seen.looked.insert(kind);
  for (const ObserverInfo& observer : run.observers)
    if (!seen.looked.contains(observer.kind)) seen.blind.insert(observer.kind);
}

// A component that is broken can hide what was wrong before: it is no news when it is back. But
// every loss is one of its own, also when a ledger that began anew counts them from one again.
bool was_there_before(const std::vector<Span>& spans, const Span& span, std::int64_t injected_ns) {
  if (span.finding.what == lost_write) return false;
  return std::ranges::any_of(spans, [&](const Span& other) {
    return other.kind == span.kind && other.finding.what == span.finding.what &&
           other.finding.subject == span.finding.subject && holds_at(other, injected_ns);
  });
}

// What the fault is there to bring about. That it is over before the next one is for stands().
bool is_excused(const Span& span, const CellTime& time) {
  return span.kind == "tls-path" && time.breaks_tls;
}

void see_violations(const std::vector<Span>& spans, const CellTime& time, Observations& seen) {
  std::set<std::pair<std::string, std::string>> told;
  for (const Span& span : spans) {
    if (!span.finding.violation || !began_in(span, time.injected_ns, time.end_ns)) continue;
    if (span.finding.what == lost_write && span.remaining() == 0) continue;
    if (is_excused(span, time)) continue;
    if (was_there_before(spans, span, time.injected_ns)) continue;
    if (!told.insert({span.finding.what, span.finding.subject}).second) continue;
    (span.finding.what == lost_write ? seen.losses : seen.violations).push_back(text_of(span));
    if (span.kind == "tls-path") ++seen.tls;
    if (span.kind == "plaintext-canary") ++seen.clear_text;
    if (span.kind == "firewall") ++seen.open;
    if (span.kind == "connections") ++seen.unknown;
  }
}

// Writes that were missing, and are there again, were read stale, however late that was.
void see_writes(const RunRecord& run, const std::vector<Span>& spans, const CellTime& time,
                Observations& seen) {
  for (const Span& span : spans) {
    if (span.finding.what != lost_write || !began_in(span, time.injected_ns, time.end_ns)) continue;
    const std::uint64_t lost = span.remaining();
    seen.lost_writes += lost;
    seen.stale_reads += span.finding.count - std::min(lost, span.finding.count);
  }
  for (const Sighting& sighting : run.sightings)
    if (sighting.finding.what == "stale-read" && sighting.finding.at_ns >= time.injected_ns &&
        sighting.finding.at_ns < time.end_ns)
      seen.stale_reads += sighting.finding.count;
}

void see_closed(const std::vector<Span>& spans, const CellTime& time, Observations& seen) {
  for (const Span& span : spans) {
    if (span.kind != "firewall" || span.finding.what != "closed") continue;
    if (holds_at(span, time.injected_ns) || holds_at(span, time.end_ns))
      seen.closed.push_back(text_of(span));
  }
}

void see_owners(const std::vector<Span>& spans, const CellTime& time, Observations& seen) {
  for (const Span& span : spans) {
    if (span.kind != "vip" || !began_in(span, time.injected_ns, time.end_ns)) continue;
    if (span.finding.what == "no-owner")
      seen.without_owner = longer_of(seen.without_owner, length_of(span));
    if (span.finding.what == "two-owners")
      seen.with_two_owners = longer_of(seen.with_two_owners, length_of(span));
  }
}

void see_alerts(const std::vector<Span>& spans, const CellTime& time, Observations& seen) {
  std::set<std::string> false_ones;
  for (const Span& span : spans) {
    if (span.kind != "monitoring" || span.finding.what != "alert") continue;
    if (began_in(span, time.begin_ns, time.injected_ns)) false_ones.insert(span.finding.subject);
    if (!began_in(span, time.injected_ns, time.end_ns) || seen.detected) continue;
    if (was_there_before(spans, span, time.injected_ns)) continue;
    const auto since = [&](std::int64_t at_ns) {
      return Nanoseconds(std::max<std::int64_t>(at_ns - time.injected_ns, 0));
    };
    seen.detected =
        widened({since(span.not_before_ns), since(span.seen_ns)}, span.clock + time.clock);
    seen.alert = span.finding.subject;
    seen.alert_cleared = span.over_ns && *span.over_ns < time.end_ns;
  }
  seen.false_alerts = false_ones.size();
}

// The next injection at or after a moment, in the same lab.
std::optional<std::int64_t> next_injection(const RunRecord& run, const std::vector<CellTime>& times,
                                           std::int64_t after_ns) {
  std::optional<std::int64_t> next;
  for (const CellTime& time : times)
    if (time.injected_ns >= after_ns && (!next || time.injected_ns < *next))
      next = time.injected_ns;
  for (const std::int64_t lab_up_ns : run.lab_ups_ns)
    if (next && lab_up_ns > after_ns && lab_up_ns < *next) return std::nullopt;
  return next;
}

const CellTime* last_injection(const std::vector<CellTime>& times, std::int64_t before_ns) {
  const CellTime* last = nullptr;
  for (const CellTime& time : times)
    if (time.injected_ns <= before_ns && (last == nullptr || time.injected_ns > last->injected_ns))
      last = &time;
  return last;
}

// For a moment something may be wrong only while a stack starts: until it is first broken.
bool is_starting(const RunRecord& run, const CellTime* last, std::int64_t at_ns) {
  return last == nullptr || std::ranges::any_of(run.lab_ups_ns, [&](std::int64_t lab_up_ns) {
           return lab_up_ns > last->injected_ns && lab_up_ns <= at_ns;
         });
}

// Whether it was there while the stack, whole and not broken by anybody, was about to be broken,
// and is no cell's.
bool stands(const RunRecord& run, const std::vector<CellTime>& times, const Span& span) {
  bool excused = false;
  for (const CellTime& time : times) {
    if (!began_in(span, time.injected_ns, time.end_ns)) continue;
    if (!is_excused(span, time)) return false;
    excused = true;
  }
  const CellTime* last = last_injection(times, span.seen_ns);
  if (span.finding.what == lost_write)
    return span.remaining() > 0 && (last == nullptr || last->ended_whole);
  const auto next = next_injection(run, times, span.seen_ns);
  if (excused) return next ? holds_at(span, *next) : !span.over_ns;
  return !next || holds_at(span, *next) || !is_starting(run, last, span.seen_ns);
}

}  // namespace

std::string kind_of(const LabRecord& run, const std::string& probe) {
  const auto found = std::ranges::find(run.observers, probe, &ObserverInfo::probe);
  return found == run.observers.end() ? probe : found->kind;
}

std::string blind_text(const std::string& kind) {
  if (kind == "ledger")
    return "no audit of the ledger that began after healing had a good answer: nothing proves that "
           "no write is lost";
  return fmt::format("no {} probe could tell anything in this cell", kind);
}

std::vector<std::string> blind_all_along(const RunRecord& run) {
  // A round in which there was nothing to check, as of a canary while nothing is sent, is a look.
  std::set<std::pair<std::string, std::string>> looked;
  for (const Look& look : run.looks)
    if (look.round.checked > look.round.undecided || look.round.undecided == 0)
      looked.insert({look.probe, look.host});
  std::vector<std::string> blind;
  // A host that may talk to nobody cannot tell a closed firewall from being cut off itself.
  for (const ObserverInfo& observer : run.observers)
    if (observer.kind != "firewall" && !looked.contains({observer.probe, observer.host}))
      blind.push_back(observer.probe + " on " + observer.host);
  return blind;
}

std::uint64_t Span::remaining() const {
  return over_ns || counts.empty() ? 0 : counts.back().count;
}

std::vector<Span> spans_of(const RunRecord& run) {
  SpanBuilder builder(run);
  auto mark = run.observer_starts.begin();
  const auto begin_anew_until = [&](std::int64_t at_ns) {
    for (; mark != run.observer_starts.end() && mark->at_ns <= at_ns; ++mark)
      builder.begin_anew(mark->host, mark->at_ns);
  };
  for (const Sighting& sighting : run.sightings) {
    begin_anew_until(sighting.told_ns);
    builder.take(sighting);
  }
  begin_anew_until(std::numeric_limits<std::int64_t>::max());
  return builder.finish();
}

Observations observations_of(const RunRecord& run, const std::vector<Span>& spans,
                             const CellTime& time) {
  Observations seen;
  see_who_looked(run, time, seen);
  see_violations(spans, time, seen);
  see_writes(run, spans, time, seen);
  see_closed(spans, time, seen);
  see_owners(spans, time, seen);
  see_alerts(spans, time, seen);
  return seen;
}

std::vector<StandingFinding> standing_findings(const RunRecord& run, const std::vector<Span>& spans,
                                               const std::vector<CellTime>& times) {
  std::vector<StandingFinding> findings;
  for (const Span& span : spans) {
    if (!span.finding.violation || !stands(run, times, span)) continue;
    const auto known = std::ranges::find_if(findings, [&](const StandingFinding& other) {
      return other.what == span.finding.what && other.subject == span.finding.subject;
    });
    if (known == findings.end())
      findings.push_back(
          {span.kind, span.finding.what, span.finding.subject, detail_of(span), {span.host}});
    else if (std::ranges::find(known->hosts, span.host) == known->hosts.end())
      known->hosts.push_back(span.host);
  }
  return findings;
}

}  // namespace nospof::verdict
