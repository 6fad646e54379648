#include "probes/ledger_book.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "spec/units.hpp"
#include "system/clock.hpp"

namespace nospof::probes {

namespace {

constexpr std::size_t most_strange_tokens = 1'000;

std::string ago(std::int64_t at_ns, std::int64_t now_ns) {
  return spec::human_duration(Nanoseconds(std::max<std::int64_t>(now_ns - at_ns, 0)));
}

}  // namespace

std::int64_t StrangeTokens::number(std::string_view token) {
  const auto known = known_.find(token);
  if (known != known_.end()) return known->second;
  const auto number = -1 - static_cast<std::int64_t>(known_.size());
  if (known_.size() < most_strange_tokens) known_.emplace(token, number);
  return number;
}

std::int64_t LedgerBook::begin_row(int session) {
  Entry entry;
  entry.session = session;
  entries_.push_back(entry);
  return static_cast<std::int64_t>(entries_.size()) - 1;
}

void LedgerBook::acknowledge(std::int64_t row, std::int64_t at_ns) {
  entry(row).state = State::acknowledged;
  entry(row).acknowledged_ns = at_ns;
  acknowledged_.push_back(row);
}

void LedgerBook::give_up(std::int64_t row) {
  entry(row).state = State::given_up;
}

std::string LedgerBook::id(std::int64_t row) const {
  return names_.row(entry(row).session, row);
}

std::optional<std::int64_t> LedgerBook::last_of_another(int session) const {
  if (acknowledged_.empty()) return std::nullopt;
  constexpr std::size_t lately = 100;
  const std::size_t look_at = std::min(lately, acknowledged_.size());
  for (std::size_t i = 1; i <= look_at; ++i) {
    const std::int64_t row = acknowledged_[acknowledged_.size() - i];
    if (entry(row).session != session) return row;
  }
  return acknowledged_.back();
}

bool LedgerBook::add_if_it_fits(Rows& rows, std::size_t& bytes, std::int64_t row) const {
  const std::size_t more = id(row).size() + 1;
  if (rows.size() == limits_.ids || bytes + more > limits_.id_bytes) return false;
  rows.push_back(row);
  bytes += more;
  return true;
}

LedgerBook::Rows LedgerBook::latest() const {
  Rows rows;
  std::size_t bytes = 0;
  for (auto row = acknowledged_.rbegin(); row != acknowledged_.rend(); ++row)
    if (!add_if_it_fits(rows, bytes, *row)) break;
  return rows;
}

LedgerBook::Rows LedgerBook::older() {
  const std::size_t end = acknowledged_.size() - latest().size();
  Rows rows;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < std::min(watched_.size(), limits_.ids / 2); ++i) {
    auto next = watched_.upper_bound(last_watched_);
    if (next == watched_.end()) next = watched_.begin();
    if (bytes > limits_.id_bytes / 2 || !add_if_it_fits(rows, bytes, *next)) break;
    last_watched_ = *next;
  }
  for (std::size_t i = 0; i < end; ++i) {
    if (next_older_ >= end) next_older_ = 0;
    const std::int64_t row = acknowledged_[next_older_];
    if (!watched_.contains(row) && !add_if_it_fits(rows, bytes, row)) break;
    ++next_older_;
  }
  return rows;
}

std::vector<LedgerBook::Rows> LedgerBook::all() const {
  std::vector<Rows> questions;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].state == State::given_up) continue;
    const auto row = static_cast<std::int64_t>(i);
    if (!questions.empty() && add_if_it_fits(questions.back(), bytes, row)) continue;
    questions.emplace_back();
    bytes = 0;
    add_if_it_fits(questions.back(), bytes, row);
  }
  return questions;
}

std::string LedgerBook::joined(const Rows& rows) const {
  std::string text;
  for (const std::int64_t row : rows) text += (text.empty() ? "" : ",") + id(row);
  return text;
}

LedgerBook::Rows LedgerBook::look(const Rows& rows, const Values& values, LookTime time,
                                  Findings& findings) {
  Rows missed;
  for (const std::int64_t row : rows) {
    Entry& known = entry(row);
    if (const auto value = values.find(id(row)); value != values.end()) {
      see(row, value->second, time, findings);
      continue;
    }
    known.missing_ns = std::max(known.missing_ns, time.asked_ns);
    if (known.loss != 0) {
      losses_.at(known.loss).asked_ns = time.asked_ns;
    } else if (known.state == State::acknowledged && known.acknowledged_ns <= time.asked_ns) {
      missed.push_back(row);
      watched_.insert(row);
    }
  }
  tell_regained(time, findings);
  return missed;
}

void LedgerBook::look_again(const Rows& rows, const Values& values, LookTime time,
                            Findings& findings) {
  Rows missing;
  Rows stale;
  std::int64_t stale_since_ns = 0;
  for (const std::int64_t row : rows) {
    const Entry known = entry(row);
    if (known.loss != 0) continue;  // another question has told it
    const auto value = values.find(id(row));
    // One that is not watched any more was seen by another question meanwhile.
    if (value == values.end() && watched_.contains(row)) {
      missing.push_back(row);
      entry(row).missing_ns = std::max(known.missing_ns, time.asked_ns);
      continue;
    }
    stale.push_back(row);
    stale_since_ns = std::max({stale_since_ns, known.acknowledged_ns, known.seen_ns});
    if (value != values.end()) see(row, value->second, time, findings);
  }
  if (!stale.empty())
    findings.push_back({time.answered_ns, stale_since_ns, "stale-read", "acknowledged writes",
                        fmt::format("a read did not see {} acknowledged write{}, and the next one "
                                    "did: {}{}",
                                    stale.size(), stale.size() == 1 ? "" : "s", id(stale.front()),
                                    stale.size() == 1 ? "" : " ..."),
                        false, false, stale.size()});
  if (!missing.empty()) lose(missing, time, findings);
}

void LedgerBook::wrong_read_back(std::int64_t row, const std::string& token, LookTime time,
                                 Findings& findings) {
  see(row, token, time, findings);
}

std::optional<kinds::Operation::Row> LedgerBook::shown(std::int64_t row, const Values& values) {
  const auto value = values.find(id(row));
  if (value == values.end()) return std::nullopt;
  if (value->second == token(row)) return kinds::Operation::Row{row, {}};
  const auto other = names_.row_of(value->second);
  return kinds::Operation::Row{row, other ? *other : strange_.number(value->second)};
}

// A row with another token is there, and wrong.
void LedgerBook::see(std::int64_t row, const std::string& token, LookTime time,
                     Findings& findings) {
  Entry& seen = entry(row);
  const std::int64_t before_ns = std::max(seen.acknowledged_ns, seen.seen_ns);
  if (token != this->token(row) && !seen.wrong) {
    seen.wrong = true;
    findings.push_back({time.answered_ns, before_ns, "wrong-value", id(row),
                        fmt::format("holds {}, which was not written under it", token), true, false,
                        1});
  }
  seen.seen_ns = std::max(seen.seen_ns, time.asked_ns);
  // An answer that comes late to an earlier question is no news about a row that is missing since.
  if (time.asked_ns < seen.missing_ns) return;
  watched_.erase(row);
  if (seen.loss == 0) return;
  --losses_.at(seen.loss).missing;
  regained_.insert(seen.loss);
  seen.loss = 0;
}

void LedgerBook::lose(const Rows& rows, LookTime time, Findings& findings) {
  Loss loss;
  loss.missing = loss.size = rows.size();
  loss.asked_ns = time.asked_ns;
  std::int64_t first_ns = entry(rows.front()).acknowledged_ns;
  std::int64_t last_ns = first_ns;
  std::int64_t since_ns = time.asked_ns;
  ++last_loss_;
  for (const std::int64_t row : rows) {
    Entry& lost = entry(row);
    lost.loss = last_loss_;
    first_ns = std::min(first_ns, lost.acknowledged_ns);
    last_ns = std::max(last_ns, lost.acknowledged_ns);
    since_ns = std::min(since_ns, std::max(lost.acknowledged_ns, lost.seen_ns));
  }
  const auto [lowest, highest] = std::ranges::minmax(rows);
  loss.told = {time.answered_ns,
               since_ns,
               "lost-write",
               fmt::format("acknowledged writes, loss {}", last_loss_),
               fmt::format("{} of {} acknowledged writes are missing: {} to {}, acknowledged {} to "
                           "{} before that was seen",
                           rows.size(), acknowledged_.size(), id(lowest), id(highest),
                           ago(first_ns, time.answered_ns), ago(last_ns, time.answered_ns)),
               true,
               false,
               rows.size()};
  findings.push_back(loss.told);
  losses_.emplace(last_loss_, std::move(loss));
}

void LedgerBook::tell_regained(LookTime time, Findings& findings) {
  for (const int number : regained_) {
    Loss& loss = losses_.at(number);
    kinds::Finding told = loss.told;
    told.at_ns = time.answered_ns;
    told.since_ns = loss.asked_ns;
    told.over = loss.missing == 0;
    told.count = told.over ? loss.size : loss.missing;
    findings.push_back(std::move(told));
    if (loss.missing == 0) losses_.erase(number);
  }
  regained_.clear();
}

}  // namespace nospof::probes
