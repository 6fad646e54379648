#include "history/ledger.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

namespace nospof::history {

namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

std::int64_t end_of(const LedgerWrite& write) {
  return write.outcome == Outcome::unknown ? never : write.ended;
}

// The attempts to write one row.
using Attempts = std::vector<std::size_t>;

class Checker {
 public:
  explicit Checker(const Ledger& ledger) : ledger_(ledger) {
    for (std::size_t i = 0; i < ledger.writes.size(); ++i)
      attempts_[ledger.writes[i].row.id].push_back(i);
    for (std::size_t i = 0; i < ledger.reads.size(); ++i) {
      if (ledger.reads[i].id) continue;
      if (!final_ || ledger.reads[i].begun >= ledger.reads[*final_].begun) final_ = i;
    }
  }

  LedgerReport run(StaleReads stale) {
    // The final read first: a row that is lost makes no read stale.
    if (final_) look_at(*final_);
    for (std::size_t i = 0; i < ledger_.reads.size(); ++i)
      if (i != final_) look_at(i);
    for (const auto& [id, attempts] : attempts_) classify(id, attempts);
    judge(stale);
    return std::move(report_);
  }

 private:
  using Shown = std::unordered_map<std::int64_t, std::vector<Value>>;

  void look_at(std::size_t index) {
    const LedgerRead& read = ledger_.reads[index];
    Shown shown;
    for (const Row& row : read.rows) shown[row.id].push_back(row.value);
    for (const Row& row : read.rows) look_at_row(index, row, shown.at(row.id).size());
    std::optional<LedgerFinding> own;
    std::optional<LedgerFinding> other;
    const auto look_for = [&](std::int64_t id, const Attempts& attempts) {
      const auto missing = missing_in(index, id, attempts, shown);
      if (!missing) return;
      if (index == final_) {
        lost_.insert(id);
        report_.findings.push_back(*missing);
      } else if (!lost_.contains(id)) {
        std::optional<LedgerFinding>& place = missing->what == Wrong::stale_own ? own : other;
        if (!place) place = missing;
      }
    };
    if (!read.id) {
      for (const auto& [id, attempts] : attempts_) look_for(id, attempts);
    } else if (const auto found = attempts_.find(*read.id); found != attempts_.end()) {
      look_for(found->first, found->second);
    }
    if (own) ++report_.stale_own;
    if (other && !own) ++report_.stale_other;
    if (own || other) report_.findings.push_back(own ? *own : *other);
  }

  // What a row is by itself: there once, and of somebody's making.
  void look_at_row(std::size_t index, const Row& row, std::size_t times) {
    const LedgerRead& read = ledger_.reads[index];
    if (times > 1 && duplicated_.insert(row.id).second)
      report_.findings.push_back({Wrong::duplicated, row.id, {}, index, row.value});
    const auto found = attempts_.find(row.id);
    const bool asked_for = !read.id || *read.id == row.id;
    const bool known =
        asked_for && found != attempts_.end() &&
        std::ranges::any_of(found->second, [&](std::size_t i) {
          return ledger_.writes[i].row.value == row.value && ledger_.writes[i].begun < read.ended;
        });
    if (!known && never_written_.insert({row.id, row.value}).second)
      report_.findings.push_back({Wrong::never_written, row.id, {}, index, row.value});
  }

  // The acknowledged write before the read that none of the values shown can stand behind.
  std::optional<LedgerFinding> missing_in(std::size_t index, std::int64_t id,
                                          const Attempts& attempts, const Shown& shown) const {
    const LedgerRead& read = ledger_.reads[index];
    const auto newest = newest_before(read, attempts, {});
    if (!newest) return std::nullopt;
    const auto values = shown.find(id);
    LedgerFinding finding{Wrong::lost, id, newest, index, {}};
    if (values != shown.end()) {
      finding.found = values->second.front();
      // A value of nobody's making is a finding of its own.
      const bool explained = std::ranges::any_of(values->second, [&](const Value& value) {
        return never_written_.contains({id, value}) || may_show(value, *newest, attempts);
      });
      if (explained) return std::nullopt;
    }
    if (index == final_) return finding;
    const auto own = newest_before(read, attempts, read.session);
    const bool owed = own && (values == shown.end() ||
                              !std::ranges::any_of(values->second, [&](const Value& value) {
                                return may_show(value, *own, attempts);
                              }));
    finding.what = owed ? Wrong::stale_own : Wrong::stale_other;
    if (owed) finding.write = own;
    return finding;
  }

  // The write acknowledged before the read began that began last; of one session, or of any.
  std::optional<std::size_t> newest_before(const LedgerRead& read, const Attempts& attempts,
                                           std::optional<std::int64_t> session) const {
    std::optional<std::size_t> newest;
    for (const std::size_t i : attempts) {
      const LedgerWrite& write = ledger_.writes[i];
      if (write.outcome != Outcome::ok || write.ended >= read.begun) continue;
      if (session && write.session != *session) continue;
      if (!newest || write.begun > ledger_.writes[*newest].begun) newest = i;
    }
    return newest;
  }

  // Whether a value may stand in the row once `newest` was acknowledged: it is of a write that had
  // not ended before that one began.
  bool may_show(const Value& value, std::size_t newest, const Attempts& attempts) const {
    return std::ranges::any_of(attempts, [&](std::size_t i) {
      const LedgerWrite& write = ledger_.writes[i];
      return write.row.value == value &&
             (i == newest || end_of(write) >= ledger_.writes[newest].begun);
    });
  }

  void classify(std::int64_t id, const Attempts& attempts) {
    const bool acknowledged = std::ranges::any_of(
        attempts, [&](std::size_t i) { return ledger_.writes[i].outcome == Outcome::ok; });
    const bool there = final_ && std::ranges::any_of(ledger_.reads[*final_].rows,
                                                     [&](const Row& row) { return row.id == id; });
    if (!acknowledged)
      return static_cast<void>(++(there ? report_.unacknowledged : report_.absent));
    if (lost_.contains(id)) return static_cast<void>(++report_.lost);
    const bool judged =
        final_ && std::ranges::all_of(attempts, [&](std::size_t i) {
          const LedgerWrite& write = ledger_.writes[i];
          return write.outcome != Outcome::ok || write.ended < ledger_.reads[*final_].begun;
        });
    ++(judged ? report_.ok : report_.unjudged);
  }

  void judge(StaleReads stale) {
    report_.duplicated = duplicated_.size();
    report_.never_written = never_written_.size();
    const bool wrong = report_.lost + report_.duplicated + report_.never_written > 0 ||
                       (stale != StaleReads::allowed && report_.stale_own > 0) ||
                       (stale == StaleReads::any && report_.stale_other > 0);
    if (wrong)
      report_.verdict = Verdict::violation;
    else if (report_.unjudged == 0 && report_.ok > 0)
      report_.verdict = Verdict::ok;
  }

  const Ledger& ledger_;
  std::map<std::int64_t, Attempts> attempts_;
  std::optional<std::size_t> final_;
  std::set<std::int64_t> lost_;
  std::set<std::int64_t> duplicated_;
  std::set<std::pair<std::int64_t, Value>> never_written_;
  LedgerReport report_;
};

}  // namespace

LedgerReport check_ledger(const Ledger& ledger, StaleReads stale) {
  return Checker(ledger).run(stale);
}

std::string name_of(Wrong what) {
  switch (what) {
    case Wrong::lost:
      return "lost";
    case Wrong::duplicated:
      return "duplicated";
    case Wrong::stale_own:
      return "stale read (own session)";
    case Wrong::stale_other:
      return "stale read";
    case Wrong::never_written:
      return "never written";
  }
  return "";
}

}  // namespace nospof::history
