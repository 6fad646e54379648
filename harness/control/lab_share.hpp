#pragma once
// How the cells of a proof are shared among labs. Nothing here knows a lab.

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/campaign.hpp"
#include "spec/topology.hpp"

namespace nospof::control {

/// What one lab has to carry out, one after another.
struct CellGroup {
  std::vector<std::size_t> cells;  ///< their indexes
  std::set<std::string> tiers;     ///< that it hits; a host outside of all tiers is one of its own

  bool operator==(const CellGroup&) const = default;
};

/// The same fault on one host of a tier after another stays together: what the first try moves (a
/// VIP, a leader) is where the next one hits, so that the active host is tried in any case.
std::vector<CellGroup> group_cells(const std::vector<Cell>& cells, const spec::Topology& topology);

/// Those groups that have any of these cells, whole: a cell that is tried again needs those before
/// it.
std::vector<CellGroup> groups_with(const std::vector<CellGroup>& groups,
                                   const std::vector<std::size_t>& cells);

/// What is known of a machine on which one lab is up and nothing is broken in it.
struct Room {
  unsigned cpus = 1;
  double idle = 0;                     ///< share of their time that nobody uses
  std::uint64_t memory_of_lab = 0;     ///< bytes
  std::uint64_t memory_available = 0;  ///< bytes, beside that lab
};

struct LabCount {
  int labs = 1;
  std::string why;  ///< for people: what was measured, and what it leaves room for
};

inline constexpr int most_automatic_labs = 8;
/// Fewer are not worth the time that another lab takes to come up.
inline constexpr std::size_t groups_per_automatic_lab = 4;

/// How many labs are worth having at most, whatever room there is.
int most_labs_for(std::size_t groups);

/// As many as there are CPUs for when each uses a fifth more than the first one does while nothing
/// is broken in it, but no more than one for each CPU, which a database that starts anew takes for
/// itself; and as take at most nine tenths of the memory. What others use of the machine counts as
/// if the first one used it. Pure.
LabCount labs_for(const Room& room, std::size_t groups);

/// So many cells in a row for each lab without time left on the machine are too much.
inline constexpr int overloaded_cells_per_lab = 2;

/// Hands out groups of cells to labs, each with a thread of its own, and keeps them waiting until
/// all labs are up or have failed to come up: one that comes up is no steady state for the others.
/// Labs keep to different tiers where they can: what a tier does to recover costs the machine most,
/// a database most of all, and several labs that do it at once hold each other up.
class LabShare {
 public:
  /// `labs` 0: to be decided once the first one is up.
  LabShare(std::vector<CellGroup> groups, int labs);

  /// The next group for this lab, which has done the one before: the first of those that have the
  /// fewest tiers in common with what the other labs are at. None when all are taken, or after
  /// give_up().
  std::optional<CellGroup> take(int lab);
  bool empty() const;
  /// No further group is handed out.
  void give_up();

  void decide(int labs);
  bool is_decided() const;
  /// Waits for decide().
  int wait_until_decided();

  /// A lab is up, or never will be.
  void arrive();
  /// A lab is gone, or was never up; each calls it once at its end.
  void leave(int lab);
  /// A cell has ended, during which the machine had time left or not.
  void cell_ended(bool overloaded);
  /// True: the one that asks has to take its lab down, so that the others have more of the machine:
  /// it had no time left for long, not only for a moment. False for the last one, while another
  /// that was told so is still there, and when nothing is left to do.
  bool give_way();
  bool all_arrived() const;
  /// Labs that are there beside one that asks.
  int beside() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable decided_;
  std::deque<CellGroup> groups_;
  std::map<int, std::set<std::string>> at_;  ///< which tiers each lab is at
  int labs_ = 0;
  int arrived_ = 0;
  int gone_ = 0;
  int giving_way_ = 0;  ///< they are gone once as many have left
  int overloaded_ = 0;  ///< cells in a row, of all labs
};

}  // namespace nospof::control
