#include <cmath>
#include <limits>

#include "analysis/fault_tree.hpp"
#include "analysis/tree_checks.hpp"
#include "system/check.hpp"

namespace nospof::analysis {

namespace {

constexpr double no_probability = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint32_t not_numbered = std::numeric_limits<std::uint32_t>::max();

}  // namespace

TreeBuilder::TreeBuilder(std::string name, std::string file)
    : name_(std::move(name)), file_(std::move(file)) {}

TreeBuilder::Item TreeBuilder::named(const std::string& name, Mark mark) {
  const auto next = static_cast<std::uint32_t>(entries_.size());
  const auto [known, added] = by_name_.try_emplace(name, next);
  if (added) {
    entries_.push_back({});
    entries_.back().name = name;
    entries_.back().mark = mark;
  }
  return {known->second};
}

TreeBuilder::Item TreeBuilder::define(const std::string& name, Kind kind, Mark mark) {
  Item item{static_cast<std::uint32_t>(entries_.size())};
  if (name.empty())
    entries_.push_back({});
  else
    item = named(name, mark);
  Entry& entry = entries_[item.index];
  if (entry.kind != Kind::unknown) {
    // What comes of it is never used: build() throws.
    defined_twice_.emplace_back(name, mark);
    return item;
  }
  entry.kind = kind;
  entry.mark = mark;
  entry.probability = no_probability;
  return item;
}

TreeBuilder::Item TreeBuilder::event(const std::string& name, EventOptions options) {
  const Item item = define(name, Kind::event, options.mark);
  if (options.probability) entries_[item.index].probability = *options.probability;
  return item;
}

TreeBuilder::Item TreeBuilder::gate(const std::string& name, Connective connective,
                                    std::vector<Item> arguments, GateOptions options) {
  const Item item = define(name, Kind::gate, options.mark);
  Entry& entry = entries_[item.index];
  entry.connective = connective;
  entry.threshold = options.threshold;
  entry.arguments = std::move(arguments);
  return item;
}

TreeBuilder::Item TreeBuilder::at_least(const std::string& name, std::uint32_t k,
                                        std::vector<Item> arguments, Mark mark) {
  return gate(name, Connective::at_least, std::move(arguments), {k, mark});
}

TreeBuilder::Item TreeBuilder::house(const std::string& name, bool occurs, Mark mark) {
  return gate(name, Connective::constant, {}, {occurs ? 1U : 0U, mark});
}

void TreeBuilder::common_cause(const std::string& name, std::vector<std::string> members,
                               double beta, Mark mark) {
  groups_.push_back({name, std::move(members), beta, mark});
}

void TreeBuilder::split(const Group& group, std::unordered_map<std::uint32_t, Item>& instead) {
  CommonCause done{group.name, group.beta, 0, {}, group.mark};
  for (const std::string& member : group.members) done.members.push_back(by_name_.at(member));
  const double together = entries_[done.members.front()].probability;
  const Item shared = event(group.name, {std::nullopt, group.mark});
  entries_[shared.index].probability = together * group.beta;
  done.shared = shared.index;
  for (const NodeId member : done.members) {
    entries_[member].probability = together * (1 - group.beta);
    const Mark mark = entries_[member].mark;
    instead[member] = gate("", Connective::any, {{member}, shared}, {0, mark});
  }
  split_.push_back(std::move(done));
}

// What used a member uses "member or shared event" from now on.
void TreeBuilder::split_groups() {
  const std::size_t before = entries_.size();
  std::unordered_map<std::uint32_t, Item> instead;
  for (const Group& group : groups_) split(group, instead);
  const auto replace = [&](Item& item) {
    const auto found = instead.find(item.index);
    if (found != instead.end()) item = found->second;
  };
  for (std::size_t i = 0; i < before; ++i)
    for (Item& argument : entries_[i].arguments) replace(argument);
  replace(*top_);
}

FaultTree TreeBuilder::build() && {
  TreeChecks(*this).before_splitting();
  split_groups();
  TreeChecks(*this).after_splitting();
  return numbered();
}

// Events in the order they were added, then gates so that arguments come first.
FaultTree TreeBuilder::numbered() const {
  FaultTree tree;
  tree.name_ = name_;
  tree.file_ = file_;
  std::vector<NodeId> ids(entries_.size(), not_numbered);
  const auto append = [&](std::uint32_t index) {
    const Entry& entry = entries_[index];
    ids[index] = tree.nodes();
    if (!entry.name.empty()) tree.by_name_.emplace(entry.name, ids[index]);
    tree.names_.push_back(entry.name);
    tree.marks_.push_back(entry.mark);
    tree.connectives_.push_back(entry.connective);
    tree.thresholds_.push_back(entry.threshold);
    tree.first_.push_back(static_cast<std::uint32_t>(tree.arguments_.size()));
    for (const Item argument : entry.arguments) tree.arguments_.push_back(ids[argument.index]);
  };
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].kind != Kind::event) continue;
    append(i);
    tree.probabilities_.push_back(entries_[i].probability);
  }
  tree.events_ = tree.nodes();

  struct Step {
    std::uint32_t index;
    std::size_t next;
  };
  std::vector<Step> path;
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    if (ids[i] == not_numbered) path.push_back({i, 0});
    while (!path.empty()) {
      const std::vector<Item>& arguments = entries_[path.back().index].arguments;
      if (path.back().next == arguments.size()) {
        // Pushed twice before it was numbered, an entry is numbered once.
        if (ids[path.back().index] == not_numbered) append(path.back().index);
        path.pop_back();
        continue;
      }
      const std::uint32_t argument = arguments[path.back().next++].index;
      if (ids[argument] == not_numbered) path.push_back({argument, 0});
    }
  }
  tree.first_.push_back(static_cast<std::uint32_t>(tree.arguments_.size()));
  tree.top_ = ids[top_->index];
  tree.common_causes_ = split_;
  for (CommonCause& cause : tree.common_causes_) {
    cause.shared = ids[cause.shared];
    for (NodeId& member : cause.members) member = ids[member];
  }
  return tree;
}

}  // namespace nospof::analysis
