// Checks certificates. On purpose it shares nothing with what makes them: it evaluates the tree
// itself, 64 claims at a time, one bit of a word for each.

#include <algorithm>
#include <array>
#include <functional>

#include <fmt/format.h>

#include "analysis/certificate.hpp"

namespace nospof::analysis {

namespace {

using Word = std::uint64_t;  // bit i: in claim i
constexpr std::size_t claims_in_a_word = 64;

/// In which claims at least `threshold` of the arguments occur. The count of each claim is a column
/// of bits, the lowest in the first word.
Word at_least(const std::vector<Word>& values, std::span<const NodeId> arguments,
              std::uint32_t threshold) {
  std::array<Word, 33> count{};
  for (const NodeId argument : arguments) {
    Word carry = values[argument];
    for (std::size_t bit = 0; carry != 0; ++bit) {
      const Word sum = count[bit] ^ carry;
      carry &= count[bit];
      count[bit] = sum;
    }
  }
  // count >= threshold, from the highest bit down: larger, or the same so far.
  Word larger = 0;
  Word same = ~Word{0};
  for (std::size_t bit = count.size(); bit-- > 0;) {
    const bool wanted = (std::uint64_t{threshold} >> bit & 1U) != 0;
    if (!wanted) larger |= same & count[bit];
    same &= wanted ? count[bit] : ~count[bit];
  }
  return larger | same;
}

Word value_of(const FaultTree& tree, NodeId gate, const std::vector<Word>& values) {
  const std::span<const NodeId> arguments = tree.arguments(gate);
  Word result = 0;
  switch (tree.connective(gate)) {
    case Connective::any:
      for (const NodeId argument : arguments) result |= values[argument];
      return result;
    case Connective::all:
      result = ~Word{0};
      for (const NodeId argument : arguments) result &= values[argument];
      return result;
    case Connective::at_least:
      return at_least(values, arguments, tree.threshold(gate));
    case Connective::constant:
      return tree.threshold(gate) == 1 ? ~Word{0} : 0;
    case Connective::negation:
    case Connective::exclusive:
    case Connective::equivalent:
      break;  // of trees that are not coherent, which verify() refuses
  }
  return result;
}

class Verifying {
 public:
  Verifying(const FaultTree& tree, const Certificate& certificate)
      : tree_(tree), certificate_(certificate), covered_(tree.events()) {}

  std::vector<std::string> run() {
    if (!tree_.coherent()) return {"the tree is not coherent: path sets prove nothing about it"};
    check_single_points();
    check_path_sets();
    for (NodeId event = 0; event < tree_.events(); ++event)
      if (!covered_[event])
        wrong_.push_back(fmt::format("no path set avoids '{}'", tree_.name_of(event)));
    return std::move(wrong_);
  }

 private:
  std::optional<NodeId> event(const std::string& name, const std::string& place) {
    const std::optional<NodeId> found = tree_.find(name);
    if (found && tree_.is_event(*found)) return found;
    wrong_.push_back(fmt::format("{}: the tree has no event '{}'", place, name));
    return std::nullopt;
  }

  /// Whether the top event occurs in each of `count` claims.
  std::vector<bool> evaluate(
      std::size_t count, const std::function<void(std::size_t, std::vector<Word>&, Word)>& set) {
    std::vector<bool> occurs(count);
    std::vector<Word> values(tree_.nodes());
    for (std::size_t first = 0; first < count; first += claims_in_a_word) {
      std::fill(values.begin(), values.begin() + tree_.events(), Word{0});
      const std::size_t here = std::min(claims_in_a_word, count - first);
      for (std::size_t i = 0; i < here; ++i) set(first + i, values, Word{1} << i);
      for (NodeId gate = tree_.events(); gate <= tree_.top(); ++gate)
        values[gate] = value_of(tree_, gate, values);
      for (std::size_t i = 0; i < here; ++i)
        occurs[first + i] = (values[tree_.top()] >> i & 1U) != 0;
    }
    return occurs;
  }

  void check_single_points() {
    const std::vector<std::string>& names = certificate_.single_points;
    std::vector<std::optional<NodeId>> events;
    for (const std::string& name : names) events.push_back(event(name, "single_points"));
    const std::vector<bool> occurs =
        evaluate(names.size(), [&](std::size_t i, std::vector<Word>& values, Word bit) {
          if (events[i]) values[*events[i]] |= bit;
        });
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!events[i]) continue;
      covered_[*events[i]] = true;
      if (!occurs[i])
        wrong_.push_back(
            fmt::format("single_points: when '{}' fails, the top event does not occur", names[i]));
    }
  }

  void check_path_sets() {
    const std::vector<PathSet>& sets = certificate_.path_sets;
    const std::vector<bool> occurs =
        evaluate(sets.size(), [&](std::size_t i, std::vector<Word>& values, Word bit) {
          fail_all_but_path_set(i, values, bit);
        });
    for (std::size_t i = 0; i < sets.size(); ++i)
      if (occurs[i])
        wrong_.push_back(
            fmt::format("path_sets[{}]: the top event occurs though all of the path set works", i));
  }

  void fail_all_but_path_set(std::size_t number, std::vector<Word>& values, Word bit) {
    const PathSet& set = certificate_.path_sets[number];
    const std::string place = fmt::format("path_sets[{}]", number);
    if (set.works) {
      for (NodeId failed = 0; failed < tree_.events(); ++failed) values[failed] |= bit;
      for (const std::string& name : *set.works)
        if (const auto working = event(name, place + ".works")) values[*working] &= ~bit;
    }
    for (const std::string& name : set.avoids) {
      const std::optional<NodeId> avoided = event(name, place + ".avoids");
      if (!avoided) continue;
      covered_[*avoided] = true;
      if (set.works && (values[*avoided] & bit) == 0)
        wrong_.push_back(fmt::format("{}: '{}' is in the set that avoids it", place, name));
      values[*avoided] |= bit;
    }
  }

  const FaultTree& tree_;
  const Certificate& certificate_;
  std::vector<bool> covered_;
  std::vector<std::string> wrong_;
};

}  // namespace

std::vector<std::string> verify(const FaultTree& tree, const Certificate& certificate) {
  return Verifying(tree, certificate).run();
}

}  // namespace nospof::analysis
