#pragma once
// What the ledger probe knows of its rows: which were acknowledged, what became of them when they
// were read, and what there is to tell. Pure.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kinds/finding.hpp"
#include "kinds/operation.hpp"
#include "probes/lasting.hpp"
#include "probes/ledger_names.hpp"

namespace nospof::probes {

/// Numbers for tokens of nobody's making: below 0, the same one for the same token.
class StrangeTokens {
 public:
  std::int64_t number(std::string_view token);

 private:
  std::map<std::string, std::int64_t, std::less<>> known_;
};

class LedgerBook {
 public:
  struct Limits {
    std::size_t rows = 100'000;    ///< that are kept; no more are written
    std::size_t ids = 200;         ///< in one question
    std::size_t id_bytes = 3'900;  ///< for them in its URL, with the commas
  };
  using Rows = std::vector<std::int64_t>;
  using Values = std::map<std::string, std::string, std::less<>>;
  using Findings = std::vector<kinds::Finding>;

  LedgerBook(LedgerNames names, Limits limits) : names_(std::move(names)), limits_(limits) {}

  // ----- writes -----

  bool full() const { return entries_.size() >= limits_.rows; }
  /// The number of a new row, whose outcome is unknown; not when full().
  std::int64_t begin_row(int session);
  void acknowledge(std::int64_t row, std::int64_t at_ns);
  /// It was certainly not written: nobody asks for it.
  void give_up(std::int64_t row);
  std::string id(std::int64_t row) const;
  std::string token(std::int64_t row) const { return names_.row_token(row); }
  /// Of all rows; a row never becomes unacknowledged.
  std::size_t acknowledged() const { return acknowledged_.size(); }

  // ----- what to ask for; at most what fits into one question -----

  /// The row that was acknowledged last by another session; by this one when there is no other.
  std::optional<std::int64_t> last_of_another(int session) const;
  Rows latest() const;
  /// Rows before the latest: in its first half those that were missing when last asked for, then
  /// the others in turn.
  Rows older();
  /// Every row that may be there, as several questions.
  std::vector<Rows> all() const;
  /// "ID,ID,.."
  std::string joined(const Rows& rows) const;

  // ----- what a good answer says of the rows that were asked for -----

  /// Returns the acknowledged rows that are missing for the first time: to be asked for again at
  /// once, as a replica may lag. Only what was acknowledged before the question counts.
  Rows look(const Rows& rows, const Values& values, LookTime time, Findings& findings);
  /// The answer about these: what is there now, or was seen meanwhile, was read stale; what is not
  /// is lost until it is seen.
  void look_again(const Rows& rows, const Values& values, LookTime time, Findings& findings);
  /// What a write's own answer read back, if it is another token than it wrote.
  void wrong_read_back(std::int64_t row, const std::string& token, LookTime time,
                       Findings& findings);
  /// The row as a read shows it; none: it does not.
  std::optional<kinds::Operation::Row> shown(std::int64_t row, const Values& values);

 private:
  enum class State : std::uint8_t { unknown, acknowledged, given_up };
  struct Entry {
    std::int64_t acknowledged_ns = 0;
    std::int64_t seen_ns = 0;     ///< when it was last asked for and there
    std::int64_t missing_ns = 0;  ///< when it was last asked for and not there
    int session = 0;
    int loss = 0;  ///< number of the loss it is a part of; 0: none
    State state = State::unknown;
    bool wrong = false;  ///< told already
  };
  /// Rows whose absence was found together.
  struct Loss {
    std::size_t missing = 0;
    std::size_t size = 0;
    std::int64_t asked_ns = 0;  ///< last question whose answer missed some
    kinds::Finding told;
  };

  Entry& entry(std::int64_t row) { return entries_.at(static_cast<std::size_t>(row)); }
  const Entry& entry(std::int64_t row) const { return entries_.at(static_cast<std::size_t>(row)); }
  bool add_if_it_fits(Rows& rows, std::size_t& bytes, std::int64_t row) const;
  void see(std::int64_t row, const std::string& token, LookTime time, Findings& findings);
  void lose(const Rows& rows, LookTime time, Findings& findings);
  void tell_regained(LookTime time, Findings& findings);

  LedgerNames names_;
  Limits limits_;
  std::vector<Entry> entries_;  ///< by the row's number
  Rows acknowledged_;           ///< in the order of their acknowledgement
  std::set<std::int64_t> watched_;
  std::int64_t last_watched_ = -1;
  std::size_t next_older_ = 0;  ///< place in acknowledged_
  std::map<int, Loss> losses_;
  std::set<int> regained_;  ///< losses of which rows were seen, not told yet
  int last_loss_ = 0;
  StrangeTokens strange_;
};

}  // namespace nospof::probes
