// Ansible inventories, INI and YAML:
// https://docs.ansible.com/ansible/latest/inventory_guide/intro_inventory.html

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>

#include <fmt/format.h>

#include "importers/skeleton.hpp"

namespace nospof::importers {

namespace {

using spec::Node;
using Variables = std::map<std::string, std::string>;

constexpr std::size_t most_of_a_range = 240;
constexpr std::size_t longest_pattern = 255;  // each range in it is one more call deep

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::optional<long> number(const std::string& text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// "web[01:03]" -> web01, web02, web03; also letters and a step: "db[a:c]", "web[1:9:2]".
std::optional<std::vector<std::string>> expanded(const std::string& pattern) {
  if (pattern.size() > longest_pattern) return std::nullopt;
  const std::size_t open = pattern.find('[');
  if (open == std::string::npos) return std::vector{pattern};
  const std::size_t close = pattern.find(']', open);
  if (close == std::string::npos) return std::nullopt;
  std::vector<std::string> parts;
  std::istringstream in(pattern.substr(open + 1, close - open - 1));
  for (std::string part; std::getline(in, part, ':');) parts.push_back(part);
  if (parts.size() < 2 || parts.size() > 3) return std::nullopt;
  const auto step = parts.size() == 3 ? number(parts[2]) : 1;
  const bool letters = parts[0].size() == 1 && parts[1].size() == 1 &&
                       std::isalpha(static_cast<unsigned char>(parts[0][0])) != 0;
  const auto first = letters ? std::optional<long>(parts[0][0]) : number(parts[0]);
  const auto last = letters ? std::optional<long>(parts[1][0]) : number(parts[1]);
  if (!first || !last || !step || *step < 1 || *first < 0) return std::nullopt;
  std::vector<std::string> names;
  for (long i = *first; i <= *last && names.size() < most_of_a_range; i += *step) {
    const std::string value =
        letters ? std::string(1, static_cast<char>(i)) : fmt::format("{:0{}}", i, parts[0].size());
    const auto rest = expanded(pattern.substr(0, open) + value + pattern.substr(close + 1));
    if (!rest) return std::nullopt;
    names.insert(names.end(), rest->begin(), rest->end());
  }
  return names;
}

// Groups and hosts, whatever format they came from.
class Inventory {
 public:
  void add_host(const std::string& group, const std::string& host, const Variables& variables) {
    FoundTier& tier = group_of(group);
    if (std::ranges::find(tier.hosts, host) == tier.hosts.end()) tier.hosts.push_back(host);
    for (const auto& [key, value] : variables) variables_[host][key] = value;
  }
  void add_group(const std::string& group) { group_of(group); }

  Found found(const std::string& file) {
    Found found;
    found.from = "the Ansible inventory " + file;
    found.name = std::filesystem::path(file).stem().string();
    found.not_known = {"what runs on each host: an inventory names hosts and groups only"};
    std::map<std::string, std::string> owner;
    for (FoundTier& tier : groups_) {
      if (tier.name == "all") continue;
      take(tier, owner, found);
    }
    // What stands in "all" only is in no group.
    for (FoundTier& tier : groups_)
      if (tier.name == "all") {
        tier.name = "ungrouped";
        take(tier, owner, found);
      }
    for (const auto& [host, of] : owner) found.places.push_back({host, place(host)});
    return found;
  }

 private:
  FoundTier& group_of(const std::string& name) {
    auto known = std::ranges::find(groups_, name, &FoundTier::name);
    if (known == groups_.end()) known = groups_.insert(groups_.end(), {name, {}, {}, {}, {}, {}});
    return *known;
  }

  // A host is in one tier: that of its first group.
  static void take(const FoundTier& group, std::map<std::string, std::string>& owner,
                   Found& found) {
    FoundTier tier{group.name, {}, group.remarks, {}, {}, {}};
    for (const std::string& host : group.hosts) {
      const auto [known, is_new] = owner.emplace(host, group.name);
      if (is_new)
        tier.hosts.push_back(host);
      else if (group.name != "ungrouped")
        found.not_known.push_back(
            fmt::format("whether '{}' belongs to tier '{}' or to group '{}', "
                        "in which it is, too",
                        host, known->second, group.name));
    }
    if (!tier.hosts.empty()) found.tiers.push_back(std::move(tier));
  }

  std::string place(const std::string& host) const {
    const auto known = variables_.find(host);
    if (known == variables_.end()) return host;
    const auto value = [&](const std::string& key) {
      const auto entry = known->second.find(key);
      return entry == known->second.end() ? std::string() : entry->second;
    };
    const std::string address = value("ansible_host").empty() ? host : value("ansible_host");
    const std::string user = value("ansible_user");
    return user.empty() ? address : user + "@" + address;
  }

  std::vector<FoundTier> groups_;
  std::map<std::string, Variables> variables_;
};

class IniReader {
 public:
  IniReader(const std::string& file, spec::Problems& problems) : file_(file), problems_(problems) {}

  Found read(const std::string& text) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      ++line_;
      line = trimmed(line);
      if (line.empty() || line.front() == '#' || line.front() == ';') continue;
      if (line.front() == '[' && line.back() == ']')
        section(line.substr(1, line.size() - 2));
      else if (kind_ == "hosts")
        host(line);
    }
    Found found = inventory_.found(file_);
    problems_.raise();
    return found;
  }

 private:
  void section(const std::string& name) {
    const std::size_t colon = name.find(':');
    group_ = name.substr(0, colon);
    kind_ = colon == std::string::npos ? "hosts" : name.substr(colon + 1);
    if (kind_ != "hosts" && kind_ != "children" && kind_ != "vars")
      problems_.add(
          file_, {line_, 1},
          fmt::format("expected [GROUP], [GROUP:children] or [GROUP:vars], found [{}]", name));
    else if (kind_ == "hosts")
      inventory_.add_group(group_);
  }

  void host(const std::string& line) {
    std::istringstream words(line);
    std::string pattern;
    words >> pattern;
    Variables variables;
    for (std::string word; words >> word && word.front() != '#';)
      if (const std::size_t equals = word.find('='); equals != std::string::npos)
        variables[word.substr(0, equals)] = word.substr(equals + 1);
    const auto names = expanded(pattern);
    if (!names) {
      problems_.add(file_, {line_, 1},
                    fmt::format("expected a host such as web1 or web[01:03], found {}",
                                spec::quote(pattern)));
      return;
    }
    for (const std::string& name : *names) inventory_.add_host(group_, name, variables);
  }

  const std::string& file_;
  spec::Problems& problems_;
  Inventory inventory_;
  std::string group_ = "all";
  std::string kind_ = "hosts";
  int line_ = 0;
};

void read_group(const std::string& name, const Node& group, const std::string& file,
                Inventory& inventory, spec::Problems& problems) {
  if (group.kind == Node::Kind::null) return inventory.add_group(name);
  if (group.kind != Node::Kind::map)
    return problems.add(file, group.mark, fmt::format("group '{}': expected a map", name));
  inventory.add_group(name);
  if (const Node* hosts = group.find("hosts"); hosts != nullptr && hosts->kind == Node::Kind::map)
    for (std::size_t i = 0; i < hosts->keys.size(); ++i) {
      Variables variables;
      const Node& values = hosts->values[i];
      if (values.kind == Node::Kind::map)
        for (std::size_t k = 0; k < values.keys.size(); ++k)
          if (values.values[k].kind == Node::Kind::scalar)
            variables[values.keys[k].text] = values.values[k].text;
      const auto names = expanded(hosts->keys[i].text);
      if (!names)
        problems.add(file, hosts->keys[i].mark,
                     fmt::format("expected a host such as web1 or web[01:03], found {}",
                                 spec::quote(hosts->keys[i].text)));
      else
        for (const std::string& host : *names) inventory.add_host(name, host, variables);
    }
  if (const Node* children = group.find("children");
      children != nullptr && children->kind == Node::Kind::map)
    for (std::size_t i = 0; i < children->keys.size(); ++i)
      read_group(children->keys[i].text, children->values[i], file, inventory, problems);
}

}  // namespace

Found read_ansible_yaml(const Node& root, const std::string& file, spec::Problems& problems) {
  Inventory inventory;
  for (std::size_t i = 0; i < root.keys.size(); ++i)
    read_group(root.keys[i].text, root.values[i], file, inventory, problems);
  return inventory.found(file);
}

Found read_ansible_ini(const std::string& text, const std::string& file, spec::Problems& problems) {
  return IniReader(file, problems).read(text);
}

}  // namespace nospof::importers
