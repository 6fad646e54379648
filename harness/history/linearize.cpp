#include "history/linearize.hpp"

#include <algorithm>
#include <vector>

#include "history/register_problem.hpp"
#include "history/seen.hpp"

namespace nospof::history {

namespace {

// The operations that returned and have no place in the order yet, by invocation: a doubly linked
// list, so that one that was taken out can be put back where it was.
class Waiting {
 public:
  explicit Waiting(std::uint32_t size) : next_(size + 1), previous_(size + 1), end_(size) {
    for (std::uint32_t i = 0; i <= size; ++i) {
      next_[i] = i == size ? 0 : i + 1;
      previous_[i] = i == 0 ? size : i - 1;
    }
  }
  std::uint32_t first() const { return next_[end_]; }
  std::uint32_t after(std::uint32_t i) const { return next_[i]; }
  std::uint32_t end() const { return end_; }
  void take_out(std::uint32_t i) {
    next_[previous_[i]] = next_[i];
    previous_[next_[i]] = previous_[i];
  }
  void put_back(std::uint32_t i) {
    next_[previous_[i]] = i;
    previous_[next_[i]] = i;
  }

 private:
  std::vector<std::uint32_t> next_;
  std::vector<std::uint32_t> previous_;
  std::uint32_t end_;
};

// A depth-first search over configurations: what has a place in the order so far, and what the
// register then holds. Three things keep it small, none of which loses an order:
//  - what only looks, and finds what it needs, is placed at once: it can always be moved there;
//  - an operation without a return is placed only right before one that observes what it leaves:
//    otherwise it could as well never have taken effect;
//  - of such operations that do the same, the one invoked first is used first.
class Search {
 public:
  Search(const RegisterProblem& problem, const Limits& limits)
      : problem_(problem),
        limits_(limits),
        waiting_(static_cast<std::uint32_t>(problem.completed.size())),
        placed_(problem.completed.size()),
        mask_((problem.slots + 31) / 32),
        used_(problem.open.size()),
        wanted_in_(problem.leaving.size()) {}

  Linearization run() {
    bool found = enter();
    while (!found && !frames_.empty()) {
      if (seen_.size() > limits_.states || seen_.bytes() > limits_.bytes)
        return {Verdict::undecided, seen_.size(), std::nullopt};
      Frame& frame = frames_.back();
      undo_to(frame);
      if (frame.next_move == moves_.size()) {
        moves_.resize(frame.first_move);
        frames_.pop_back();
        continue;
      }
      // The moves of deeper frames stand behind those of this one and are gone by now.
      make(moves_[frame.next_move++]);
      found = enter();
    }
    if (found) return {Verdict::ok, seen_.size(), std::nullopt};
    const std::size_t blocked = problem_.completed[problem_.by_return[deepest_]].index;
    return {Verdict::violation, seen_.size(), blocked};
  }

 private:
  struct Move {
    bool open = false;
    std::uint32_t which = 0;  // of completed, or of the groups without a return
  };
  // What to go back to: the configuration in which the moves of a frame are made.
  struct Frame {
    std::size_t first_move, next_move;
    std::size_t trail;
    ValueNumber state;
    bool must_be_observed;
    std::uint32_t returns;
  };

  // The return that has to come next bounds what can be placed before it.
  std::size_t horizon() const { return problem_.completed[problem_.by_return[returns_]].returned; }

  void place(std::uint32_t i) {
    const Completed& operation = problem_.completed[i];
    waiting_.take_out(i);
    placed_[i] = true;
    mask_[operation.slot / 32] |= 1U << operation.slot % 32;
    trail_.push_back({false, i});
    if (operation.effect.observes) must_be_observed_ = false;
    state_ = operation.effect.leaves;
    // What returned no longer needs a mark: it is behind the horizon.
    for (; returns_ < problem_.by_return.size() && placed_[problem_.by_return[returns_]];
         ++returns_)
      flip_slot(problem_.by_return[returns_]);
  }

  void flip_slot(std::uint32_t i) {
    const std::uint32_t slot = problem_.completed[i].slot;
    mask_[slot / 32] ^= 1U << slot % 32;
  }

  void make(const Move& move) {
    if (!move.open) return place(move.which);
    ++used_[move.which];
    trail_.push_back(move);
    state_ = problem_.open[move.which].effect.leaves;
    must_be_observed_ = true;
  }

  void undo_to(const Frame& frame) {
    while (returns_ > frame.returns) flip_slot(problem_.by_return[--returns_]);
    for (; trail_.size() > frame.trail; trail_.pop_back()) {
      const Move& move = trail_.back();
      if (move.open) {
        --used_[move.which];
        continue;
      }
      flip_slot(move.which);
      placed_[move.which] = false;
      waiting_.put_back(move.which);
    }
    state_ = frame.state;
    must_be_observed_ = frame.must_be_observed;
  }

  // Places what only looks and finds what it needs; true when everything that returned has its
  // place.
  bool place_lookers() {
    const auto all = static_cast<std::uint32_t>(problem_.by_return.size());
    std::uint32_t i = waiting_.first();
    for (; returns_ < all && i != waiting_.end(); i = waiting_.after(i)) {
      const Completed& operation = problem_.completed[i];
      if (operation.invoked > horizon()) break;
      if (operation.effect.only_looks() && operation.effect.needs == state_) place(i);
    }
    return returns_ == all;
  }

  // Looks at the configuration that was just made; true when it is the end of the search.
  bool enter() {
    if (place_lookers()) return true;
    deepest_ = std::max(deepest_, returns_);
    if (!seen_.insert(configuration())) return false;
    const std::size_t first = moves_.size();
    frames_.push_back({first, first, trail_.size(), state_, must_be_observed_, returns_});
    find_moves();
    return false;
  }

  std::span<const std::uint32_t> configuration() {
    key_.assign({returns_, state_ << 1U | (must_be_observed_ ? 1U : 0U)});
    key_.insert(key_.end(), mask_.begin(), mask_.end());
    for (std::uint32_t i = 0; i < used_.size(); ++i)
      if (used_[i] != 0) key_.insert(key_.end(), {i, used_[i]});
    return key_;
  }

  // The operation that has to return next is tried first.
  void find_moves() {
    const std::uint32_t due = problem_.by_return[returns_];
    if (can_go(problem_.completed[due].effect)) moves_.push_back({false, due});
    wanted_.clear();
    ++round_;
    for (std::uint32_t i = waiting_.first(); i != waiting_.end(); i = waiting_.after(i)) {
      const Completed& operation = problem_.completed[i];
      if (operation.invoked > horizon()) break;
      if (can_go(operation.effect)) {
        if (i != due) moves_.push_back({false, i});
      } else if (operation.effect.observes) {
        want(operation.effect.needs);
      }
    }
    find_open_moves();
  }

  bool can_go(const Effect& effect) const {
    return effect.observes ? effect.needs == state_ : !must_be_observed_;
  }

  void want(ValueNumber value) {
    if (value == state_ || wanted_in_[value] == round_) return;
    wanted_in_[value] = round_;
    wanted_.push_back(value);
  }

  // Backwards from the values that somebody waits for.
  void find_open_moves() {
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      for (const std::uint32_t which : problem_.leaving[wanted_[i]]) {
        const OpenGroup& group = problem_.open[which];
        const bool there =
            used_[which] < group.invoked.size() && group.invoked[used_[which]] < horizon();
        if (!there) continue;
        if (can_go(group.effect))
          moves_.push_back({true, which});
        else if (group.effect.observes)
          want(group.effect.needs);
      }
    }
  }

  const RegisterProblem& problem_;
  Limits limits_;
  Waiting waiting_;
  std::vector<bool> placed_;
  std::vector<std::uint32_t> mask_;  // by slot: placed, though its return is still to come
  std::vector<std::uint32_t> used_;  // by group without a return
  ValueNumber state_ = 0;
  bool must_be_observed_ = false;
  std::uint32_t returns_ = 0;  // how many of by_return are placed, from the front
  std::uint32_t deepest_ = 0;
  std::vector<Move> trail_;
  std::vector<Move> moves_;
  std::vector<Frame> frames_;
  Seen seen_;
  std::vector<std::uint32_t> key_;
  std::vector<ValueNumber> wanted_;
  std::vector<std::uint64_t> wanted_in_;  // by value: the round in which it was last wanted
  std::uint64_t round_ = 0;
};

}  // namespace

Linearization linearize(std::span<const Operation> operations, const Limits& limits) {
  const RegisterProblem problem = register_problem(operations);
  return Search(problem, limits).run();
}

}  // namespace nospof::history
