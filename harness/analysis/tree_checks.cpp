#include "analysis/tree_checks.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace nospof::analysis {

using spec::quote;

void TreeChecks::add(Mark mark, std::string message) {
  const std::string& file = builder_.file_;
  problems_.add(file.empty() ? "fault tree " + quote(builder_.name_) : file, mark,
                std::move(message));
}

std::string TreeChecks::describe(const Entry& entry) const {
  return entry.name.empty() ? "a gate" : "gate " + quote(entry.name);
}

std::vector<std::string> TreeChecks::defined_names() const {
  std::vector<std::string> names;
  for (const Entry& entry : builder_.entries_)
    if (entry.kind != TreeBuilder::Kind::unknown) names.push_back(entry.name);
  return names;
}

void TreeChecks::before_splitting() {
  check_names();
  for (Entry& entry : builder_.entries_) {
    if (entry.kind == TreeBuilder::Kind::event) check_event(entry);
    if (entry.kind == TreeBuilder::Kind::gate) check_gate(entry);
  }
  check_groups();
  if (!builder_.top_) add({}, "no gate or event was said to be the top event");
  check_cycles();
  problems_.raise();
}

void TreeChecks::after_splitting() {
  check_names();
  problems_.raise();
}

void TreeChecks::check_names() {
  const std::vector<std::string> names = defined_names();
  for (const Entry& entry : builder_.entries_) {
    if (entry.kind != TreeBuilder::Kind::unknown) continue;
    // Looking for what was meant takes its time; more are not shown.
    const bool shown = problems_.size() < spec::Problems::most;
    add(entry.mark, fmt::format("nothing is defined with the name {}{}", quote(entry.name),
                                shown ? spec::did_you_mean(entry.name, names) : ""));
  }
  for (const auto& [name, mark] : builder_.defined_twice_) {
    const Mark first = builder_.entries_[builder_.by_name_.at(name)].mark;
    const std::string where = first.line > 0 ? fmt::format(", first in line {}", first.line) : "";
    add(mark,
        fmt::format("{} is defined twice{}; events, gates and common causes share their names",
                    quote(name), where));
  }
}

void TreeChecks::check_event(const Entry& entry) {
  if (entry.name.empty()) add(entry.mark, "an event without a name");
  const double probability = entry.probability;
  if (!std::isnan(probability) && !(probability >= 0 && probability <= 1))
    add(entry.mark, fmt::format("event {} has probability {}; expected 0 to 1", quote(entry.name),
                                probability));
}

void TreeChecks::check_gate(Entry& entry) {
  const std::size_t count = entry.arguments.size();
  const auto expect = [&](bool holds, const std::string& expected) {
    if (!holds)
      add(entry.mark, fmt::format("{} has {} arguments; {}", describe(entry), count, expected));
  };
  switch (entry.connective) {
    case Connective::any:
    case Connective::all:
      break;
    case Connective::at_least:
      if (entry.threshold < 1 || entry.threshold > count)
        add(entry.mark, fmt::format("{} wants {} of {} arguments; expected 1 to {}",
                                    describe(entry), entry.threshold, count, count));
      break;
    case Connective::negation:
      expect(count == 1, "'not' takes one");
      break;
    case Connective::exclusive:
      expect(count == 2, "'xor' takes two");
      break;
    case Connective::equivalent:
      expect(count == 2, "'iff' takes two");
      break;
    case Connective::constant:
      expect(count == 0, "a house event takes none");
      break;
  }
  check_arguments(entry);
}

void TreeChecks::check_arguments(Entry& entry) {
  std::vector<std::uint32_t> sorted;
  for (const TreeBuilder::Item item : entry.arguments) sorted.push_back(item.index);
  std::ranges::sort(sorted);
  const auto twice = std::ranges::adjacent_find(sorted);
  if (twice == sorted.end()) return;
  if (entry.connective != Connective::any && entry.connective != Connective::all) {
    const std::string& name = builder_.entries_[*twice].name;
    add(entry.mark, fmt::format("{} has {} as an argument twice", describe(entry),
                                name.empty() ? "the same gate" : quote(name)));
    return;
  }
  // There it changes nothing.
  std::vector<TreeBuilder::Item> once;
  std::vector<bool> seen;
  for (const TreeBuilder::Item item : entry.arguments) {
    const auto at =
        static_cast<std::size_t>(std::ranges::lower_bound(sorted, item.index) - sorted.begin());
    seen.resize(sorted.size());
    if (!seen[at]) once.push_back(item);
    seen[at] = true;
  }
  entry.arguments = std::move(once);
}

void TreeChecks::check_groups() {
  std::vector<std::uint32_t> member_of(builder_.entries_.size());
  for (const TreeBuilder::Group& group : builder_.groups_) check_group(group, member_of);
}

void TreeChecks::check_group(const TreeBuilder::Group& group,
                             std::vector<std::uint32_t>& member_of) {
  const std::string name = "common cause " + quote(group.name);
  if (!(group.beta >= 0 && group.beta <= 1))
    add(group.mark, fmt::format("{} has beta {}; expected 0 to 1", name, group.beta));
  if (group.members.empty()) add(group.mark, name + " has no members");
  const Entry* first = nullptr;
  for (const std::string& member : group.members) {
    const auto found = builder_.by_name_.find(member);
    if (found == builder_.by_name_.end() ||
        builder_.entries_[found->second].kind != TreeBuilder::Kind::event) {
      add(group.mark, fmt::format("{} has the member {}, which is no event{}", name, quote(member),
                                  spec::did_you_mean(member, defined_names())));
      continue;
    }
    const Entry& entry = builder_.entries_[found->second];
    if (++member_of[found->second] > 1)
      add(group.mark,
          fmt::format("{} has the member {}, which is in a group already", name, quote(member)));
    if (first == nullptr) first = &entry;
    const bool same = std::isnan(first->probability) ? std::isnan(entry.probability)
                                                     : first->probability == entry.probability;
    if (!same)
      add(group.mark, fmt::format("{} has members of different probabilities, {} and {}", name,
                                  quote(first->name), quote(entry.name)));
  }
}

// Depth first; what is on the path and met again closes a cycle.
void TreeChecks::check_cycles() {
  enum class State : std::uint8_t { unseen, on_path, done };
  const std::vector<Entry>& entries = builder_.entries_;
  std::vector<State> states(entries.size(), State::unseen);
  std::vector<std::uint32_t> path;
  std::vector<std::size_t> next;
  for (std::uint32_t start = 0; start < entries.size(); ++start) {
    if (states[start] != State::unseen) continue;
    path.push_back(start);
    next.push_back(0);
    states[start] = State::on_path;
    while (!path.empty()) {
      const Entry& entry = entries[path.back()];
      if (next.back() == entry.arguments.size()) {
        states[path.back()] = State::done;
        path.pop_back();
        next.pop_back();
        continue;
      }
      const std::uint32_t argument = entry.arguments[next.back()++].index;
      if (states[argument] == State::on_path)
        report_cycle({std::ranges::find(path, argument), path.end()});
      if (states[argument] != State::unseen) continue;
      path.push_back(argument);
      next.push_back(0);
      states[argument] = State::on_path;
    }
  }
}

void TreeChecks::report_cycle(const std::vector<std::uint32_t>& cycle) {
  constexpr std::size_t most = 20;
  std::vector<std::uint32_t> named;
  for (const std::uint32_t index : cycle)
    if (!builder_.entries_[index].name.empty()) named.push_back(index);
  if (named.empty()) named = cycle;
  // It begins with the gate that stands first in the file.
  const auto line = [&](std::uint32_t index) { return builder_.entries_[index].mark.line; };
  std::rotate(named.begin(), std::ranges::min_element(named, {}, line), named.end());
  std::string text;
  for (std::size_t i = 0; i < named.size() && i < most; ++i)
    text += quote(builder_.entries_[named[i]].name) + " -> ";
  if (named.size() > most) text += fmt::format("{} more -> ", named.size() - most);
  const Entry& first = builder_.entries_[named.front()];
  add(first.mark,
      fmt::format("{} depends on itself: {}{}", describe(first), text, quote(first.name)));
}

}  // namespace nospof::analysis
