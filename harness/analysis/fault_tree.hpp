#pragma once
// A fault tree: which failures of components (basic events), through which gates, make the top
// event occur. What is in one, and the terms: NUREG-0492 (Fault Tree Handbook, 1981).
//
// A FaultTree never changes and is always sound: every name is known, no gate depends on itself.
// TreeBuilder makes one and finds what is wrong.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "spec/topology.hpp"

namespace nospof::analysis {

using spec::Mark;

/// How a gate's arguments make it occur.
enum class Connective : std::uint8_t {
  any,         ///< OR: at least one occurs; without arguments: never
  all,         ///< AND: every one occurs; without arguments: always
  at_least,    ///< at least k of them occur (voting gate)
  negation,    ///< NOT: its one argument does not occur
  exclusive,   ///< XOR of exactly two
  equivalent,  ///< IFF of exactly two
  constant,    ///< a house event: fixed to true (k = 1) or false (k = 0); no arguments
};

/// Events are 0 .. events()-1 in the order they were added; gates follow, arguments before the
/// gates that use them. So one pass over rising ids evaluates a tree.
using NodeId = std::uint32_t;

/// A set of events that had one probability together before it was split (beta factor).
struct CommonCause {
  std::string name;
  double beta = 0;              ///< share of each member's failures that hits all of them at once
  NodeId shared = 0;            ///< the event "all of them at once"
  std::vector<NodeId> members;  ///< the events "this one alone"
  Mark mark;
};

class FaultTree {
 public:
  const std::string& name() const { return name_; }
  /// Where it was read from; empty when it was made by a program.
  const std::string& file() const { return file_; }

  NodeId top() const { return top_; }
  std::uint32_t events() const { return events_; }
  std::uint32_t nodes() const { return static_cast<std::uint32_t>(connectives_.size()); }
  bool is_event(NodeId node) const { return node < events_; }

  /// Unique among all events and gates; empty for a gate that was given none.
  const std::string& name_of(NodeId node) const { return names_[node]; }
  Mark mark_of(NodeId node) const { return marks_[node]; }
  std::optional<NodeId> find(std::string_view name) const;

  /// Of an event: how likely it occurs (0 to 1), if anybody said so.
  std::optional<double> probability(NodeId event) const;
  /// Whether every event that the top event depends on has a probability.
  bool quantified() const;

  Connective connective(NodeId gate) const { return connectives_[gate]; }
  std::span<const NodeId> arguments(NodeId gate) const {
    return {arguments_.data() + first_[gate], first_[gate + 1] - first_[gate]};
  }
  /// Of at_least: k. Of constant: 1 or 0.
  std::uint32_t threshold(NodeId gate) const { return thresholds_[gate]; }

  /// No negation, exclusive or equivalent below the top event: more failures never help. (A tree
  /// that is written with them can still be monotone by luck; nobody looks for that.)
  bool coherent() const;
  /// The nodes that the top event depends on, itself included.
  std::vector<bool> reachable() const;

  const std::vector<CommonCause>& common_causes() const { return common_causes_; }

 private:
  friend class TreeBuilder;
  FaultTree() = default;

  std::string name_;
  std::string file_;
  NodeId top_ = 0;
  std::uint32_t events_ = 0;
  std::vector<std::string> names_;
  std::vector<Mark> marks_;
  std::vector<double> probabilities_;  // of events; NaN: none
  std::vector<Connective> connectives_;
  std::vector<std::uint32_t> thresholds_;
  std::vector<std::uint32_t> first_;  // of each node in arguments_, and the end
  std::vector<NodeId> arguments_;
  std::vector<CommonCause> common_causes_;
  std::unordered_map<std::string, NodeId> by_name_;
};

struct EventOptions {
  std::optional<double> probability = std::nullopt;
  Mark mark = {};
};
struct GateOptions {
  std::uint32_t threshold = 0;  ///< of at_least: k
  Mark mark = {};
};

/// Collects events and gates in any order; names may be used before they are defined.
///
///     TreeBuilder builder("shop");
///     auto db1 = builder.event("db1", {.probability = 0.01});
///     auto db2 = builder.event("db2", {.probability = 0.01});
///     builder.common_cause("rack", {"db1", "db2"}, 0.1);
///     builder.top(builder.gate("no database", Connective::all, {db1, db2}));
///     const FaultTree tree = std::move(builder).build();
class TreeBuilder {
 public:
  /// Stands for an event or a gate of this builder.
  struct Item {
    std::uint32_t index;
  };

  /// `file` is named in errors, together with marks.
  explicit TreeBuilder(std::string name, std::string file = {});

  /// Defines a basic event.
  Item event(const std::string& name, EventOptions options = {});
  /// Defines a gate; an empty name is fine when nobody looks it up.
  Item gate(const std::string& name, Connective connective, std::vector<Item> arguments,
            GateOptions options = {});
  /// k of the arguments.
  Item at_least(const std::string& name, std::uint32_t k, std::vector<Item> arguments,
                Mark mark = {});
  /// A house event.
  Item house(const std::string& name, bool occurs, Mark mark = {});
  /// Whatever has, or will get, this name. `mark`: where it is used, for the error when nothing
  /// gets it.
  Item named(const std::string& name, Mark mark = {});

  /// Beta-factor common cause (K. N. Fleming 1975; NUREG/CR-4780): the named events, which must be
  /// given the same probability Q or none, fail together with beta*Q, besides each alone with
  /// (1-beta)*Q. build() puts, for each member, "member alone or shared event" where the member was
  /// used. The member's event keeps its name, the shared event gets the group's; it is an event of
  /// its own, so a cut set. An event is in one group at most.
  void common_cause(const std::string& name, std::vector<std::string> members, double beta,
                    Mark mark = {});

  void top(Item item) { top_ = item; }

  /// Throws spec::SpecError with everything that is wrong: names that nobody defined (with "did you
  /// mean"), names defined twice, gates that depend on themselves (the error names the whole
  /// cycle), wrong numbers of arguments, thresholds and probabilities out of range, no top event.
  FaultTree build() &&;

 private:
  enum class Kind : std::uint8_t { unknown, event, gate };
  struct Entry {
    std::string name;
    Kind kind = Kind::unknown;
    Connective connective = Connective::any;
    std::uint32_t threshold = 0;
    double probability = 0;  // NaN: none
    std::vector<Item> arguments;
    Mark mark;  // of the definition, else of the first use
  };
  struct Group {
    std::string name;
    std::vector<std::string> members;
    double beta = 0;
    Mark mark;
  };
  friend class TreeChecks;

  Item define(const std::string& name, Kind kind, Mark mark);
  void split(const Group& group, std::unordered_map<std::uint32_t, Item>& instead);
  void split_groups();
  FaultTree numbered() const;

  std::string name_;
  std::string file_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::uint32_t> by_name_;
  std::vector<std::pair<std::string, Mark>> defined_twice_;
  std::vector<Group> groups_;
  std::vector<CommonCause> split_;  // members and shared: indices of entries
  std::optional<Item> top_;
};

}  // namespace nospof::analysis
