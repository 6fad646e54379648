#include "importers/skeleton.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>

#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::importers {

namespace {

constexpr std::size_t most_hosts = 240;  // of 198.18.0.0/24, the client and a VIP left out

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// Quoted as YAML has it where a plain word could be read otherwise.
std::string yaml_word(const std::string& word) {
  const bool plain = !word.empty() && std::ranges::all_of(word, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("/._-").find(c) != std::string_view::npos;
  }) && std::isalpha(static_cast<unsigned char>(word.front())) != 0;
  const auto reserved = {"yes", "no", "on", "off", "true", "false", "null"};
  if (plain && std::ranges::find(reserved, word) == reserved.end()) return word;
  std::string quoted = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 0x20) continue;
    // What a template would be here is text there.
    quoted += c;
  }
  return quoted + "\"";
}

bool is_template(const std::vector<std::string>& words) {
  return std::ranges::any_of(words, [](const std::string& word) {
    return word.find("{{") != std::string::npos || word.find("{%") != std::string::npos ||
           word.find("${") != std::string::npos;
  });
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return text;
}

// Names that a topology may have, each once: hosts, tiers and services.
class Names {
 public:
  explicit Names(const Found& found) {
    for (const FoundTier& tier : found.tiers) {
      const std::string name = fresh(label_of(tier.name, 18, "tier"), 20);
      tiers_[tier.name] = name;
    }
    for (const FoundTier& tier : found.tiers)
      for (const std::string& host : tier.hosts)
        if (!hosts_.contains(host)) hosts_[host] = fresh(label_of(host, 13, "host"), 15);
  }
  const std::string& tier(const std::string& name) const { return tiers_.at(name); }
  const std::string& host(const std::string& name) const { return hosts_.at(name); }
  bool has_tier(const std::string& name) const { return tiers_.contains(name); }
  bool has_host(const std::string& name) const { return hosts_.contains(name); }

 private:
  std::string fresh(const std::string& wanted, std::size_t longest) {
    std::string name = wanted;
    for (int i = 1; !taken_.insert(name).second; ++i) {
      const std::string number = std::to_string(i);
      name = wanted.substr(0, longest - number.size()) + number;
    }
    return name;
  }
  std::set<std::string> taken_ = {"all", "client", "localhost", "www"};
  std::map<std::string, std::string> tiers_;
  std::map<std::string, std::string> hosts_;
};

class Writer {
 public:
  Writer(const Found& found, const Names& names) : found_(found), names_(names) {}

  std::string write() {
    head();
    hosts();
    tiers();
    services();
    flows();
    rest();
    return std::move(text_);
  }

 private:
  void line(const std::string& text) { text_ += text + "\n"; }
  void unknown(const std::string& what) { line("# not known: " + one_line(what)); }

  void head() {
    line("# yaml-language-server: $schema=../../docs/schema/topology.schema.json");
    line(
        fmt::format("# A skeleton made from {}. What that does not say stands below as "
                    "\"# not known: ...\",",
                    one_line(found_.from)));
    line("# with an example in its place: look at each of them before you believe any result.");
    line("kind: topology\nversion: 1");
    line("name: " + label_of(found_.name, 20, "imported"));
    line("");
    unknown("addresses inside of a lab; these are made up");
    line("network: { subnet: 198.18.0.0/24, domain: nospof.test }");
    unknown(
        "zones (racks, rooms, sites) and which host is where: 'zones: [a, b]' and 'zone: a' of "
        "each host");
    for (const std::string& more : found_.not_known) unknown(more);
  }

  void hosts() {
    line("\nhosts:");
    int number = 0;
    for (const FoundTier& tier : found_.tiers)
      for (const std::string& host : tier.hosts) {
        const auto place = std::ranges::find(found_.places, host, &FoundPlace::host);
        const std::string remark = place == found_.places.end() || place->place.empty()
                                       ? ""
                                       : "    # there: " + one_line(place->place);
        line(fmt::format("  {}: {{ address: 198.18.0.{}, services: [{}] }}{}", names_.host(host),
                         10 + number++, names_.tier(tier.name), remark));
      }
    line("  client: { address: 198.18.0.251, observer: true }    # sends the workload");
    unknown("what hosts cost ('cost:'), how often they fail ('mtbf:', 'mttr:')");
  }

  void tiers() {
    line("\ntiers:");
    for (const FoundTier& tier : found_.tiers) {
      for (const std::string& remark : tier.remarks) line("  # " + one_line(remark));
      std::vector<std::string> hosts;
      for (const std::string& host : tier.hosts) hosts.push_back(names_.host(host));
      line(fmt::format("  {}: {{ hosts: [{}], needs: 1 }}", names_.tier(tier.name), listed(hosts)));
    }
    unknown(
        "how many hosts of each tier must serve ('needs:'); a database with a quorum needs "
        "more than half");
    unknown("addresses that move between hosts ('vips:')");
  }

  void services() {
    line("\nauthorities:\n  stack: { valid: 30d }    # signs the answers that the workload trusts");
    line("\nservices:");
    for (const FoundTier& tier : found_.tiers) {
      line(fmt::format("  {}:", names_.tier(tier.name)));
      std::vector<std::string> words;
      for (const std::string& word : tier.command) words.push_back(yaml_word(word));
      if (words.empty() || is_template(tier.command)) {
        line("    command: [sleep, infinity]    # not known: what starts it");
      } else {
        line(fmt::format("    command: [{}]", listed(words)));
      }
      if (const std::vector<std::string> listens = listens_of(tier); listens == tier.listens)
        line(listens.empty() ? "    # not known: ports it listens on ('listens:')"
                             : fmt::format("    listens: [{}]", listed(listens)));
      else
        line(fmt::format("    listens: [{}]    # not known: the port that {} ask", listed(listens),
                         is_first(tier) ? "users" : "those who need it"));
    }
    unknown("configuration files ('files:'), users, and how daemons are restarted ('restart:')");
    unknown("certificates of services ('tls:')");
  }

  void flows() {
    std::vector<std::string> entries;
    for (const FoundTier& tier : found_.tiers)
      for (const std::string& wanted : tier.depends_on) {
        const auto target = std::ranges::find(found_.tiers, wanted, &FoundTier::name);
        if (target == found_.tiers.end()) continue;
        for (const std::string& listens : listens_of(*target))
          entries.push_back(flow(names_.tier(tier.name), names_.tier(wanted), listens));
      }
    const FoundTier& first = found_.tiers.front();
    entries.insert(entries.begin(),
                   flow("client", names_.tier(first.name), port_for_users() + "/tcp"));
    line("");
    unknown("whether these are all: what no flow allows is forbidden");
    line("flows:");
    for (const std::string& entry : entries) line(entry);
  }

  // The workload needs a port of the first tier.
  std::string port_for_users() const {
    for (const std::string& listens : found_.tiers.front().listens)
      if (const std::size_t slash = listens.find("/tcp"); slash != std::string::npos)
        return listens.substr(0, slash);
    return "443";
  }

  std::vector<std::string> listens_of(const FoundTier& tier) const {
    std::vector<std::string> listens = tier.listens;
    const std::string users = port_for_users() + "/tcp";
    if (is_first(tier) && std::ranges::find(listens, users) == listens.end())
      listens.push_back(users);
    // Without a port there would be no flow, and nobody would seem to need it.
    if (listens.empty() && is_needed(tier)) listens.emplace_back("8080/tcp");
    return listens;
  }
  bool is_first(const FoundTier& tier) const { return &tier == &found_.tiers.front(); }
  bool is_needed(const FoundTier& tier) const {
    return std::ranges::any_of(found_.tiers, [&tier](const FoundTier& other) {
      return std::ranges::find(other.depends_on, tier.name) != other.depends_on.end();
    });
  }

  static std::string flow(const std::string& from, const std::string& to,
                          const std::string& listens) {
    const std::size_t slash = listens.find('/');
    const std::string protocol = listens.substr(slash + 1);
    return fmt::format("  - {{ from: {}, to: {}, port: {}{} }}", from, to, listens.substr(0, slash),
                       protocol == "udp" ? ", protocol: udp" : "");
  }

  void rest() {
    line("");
    unknown("where TLS ends, and as whom ('tls:')");
    unknown(
        "who has a role that moves ('roles:'), and when the stack is whole again "
        "('redundancy:')");
    shared();
    line("");
    unknown("the page that shows whether users are served, and who signs for it");
    line("workload:\n  from: client");
    const std::string port = port_for_users() == "443" ? "" : ":" + port_for_users();
    line(fmt::format("  url: https://{}{}/?id={{id}}&v={{token}}",
                     names_.host(found_.tiers.front().hosts.front()), port));
    line("  authority: stack");
    line("");
    unknown("where the monitoring answers ('monitoring:')");
    unknown("which outage still counts as survived; this is the default");
    line("slo: { outage_budget: 10s, availability: 99.9% }");
  }

  void shared() {
    std::vector<std::string> entries;
    std::set<std::string> taken;
    for (const FoundSegment& segment : found_.segments) {
      std::vector<std::string> users;
      for (const std::string& tier : segment.tiers)
        if (names_.has_tier(tier)) users.push_back(names_.tier(tier));
      for (const std::string& host : segment.hosts)
        if (names_.has_host(host)) users.push_back(names_.host(host));
      const std::string name = label_of(segment.name, 38, "segment");
      if (users.empty() || !taken.insert(name).second) continue;
      entries.push_back(fmt::format("  - {{ name: {}, kind: network-segment, used_by: [{}] }}",
                                    name, listed(users)));
    }
    line("");
    unknown("what else they share: power, DNS, storage, one source of configuration");
    if (entries.empty()) return;
    line("shared:");
    for (const std::string& entry : entries) line(entry);
  }

  const Found& found_;
  const Names& names_;
  std::string text_;
};

}  // namespace

std::string label_of(const std::string& text, std::size_t longest, const std::string& fallback) {
  std::string label;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool fine = byte < 0x80 && std::isalnum(byte) != 0;
    if (fine)
      label += static_cast<char>(std::tolower(byte));
    else if (!label.empty() && label.back() != '-')
      label += '-';
  }
  label = label.substr(0, longest);
  while (!label.empty() && label.back() == '-') label.pop_back();
  return label.empty() ? fallback : label;
}

std::string scalar(const spec::Node& map, std::string_view key) {
  const spec::Node* node = map.find(key);
  return node != nullptr && node->kind == spec::Node::Kind::scalar ? node->text : std::string();
}

std::vector<std::string> texts(const spec::Node* node) {
  std::vector<std::string> found;
  if (node == nullptr) return found;
  if (node->kind == spec::Node::Kind::scalar) found.push_back(node->text);
  if (node->kind == spec::Node::Kind::list)
    for (const spec::Node& entry : node->values)
      if (entry.kind == spec::Node::Kind::scalar) found.push_back(entry.text);
  return found;
}

std::vector<std::string> command_words(const spec::Node* node) {
  if (node == nullptr || node->kind != spec::Node::Kind::scalar) return texts(node);
  if (node->text.find_first_of("\"'\\$`|&;<>(){}*?~\n") != std::string::npos) return {};
  std::vector<std::string> words;
  std::istringstream in(node->text);
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::string skeleton(const Found& found, const std::string& file) {
  std::size_t hosts = 0;
  for (const FoundTier& tier : found.tiers) hosts += tier.hosts.size();
  if (hosts == 0) throw Error(fmt::format("{}: there is no host in it", file));
  if (hosts > most_hosts)
    throw Error(fmt::format("{}: {} hosts; at most {} can be imported", file, hosts, most_hosts));
  const Names names(found);
  return Writer(found, names).write();
}

}  // namespace nospof::importers
