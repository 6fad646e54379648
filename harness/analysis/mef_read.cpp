#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "analysis/mef.hpp"
#include "analysis/mef_document.hpp"
#include "spec/reader.hpp"

namespace nospof::analysis {

namespace {

using Item = TreeBuilder::Item;

std::string file_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

class MefReading {
 public:
  MefReading(const std::string& text, const std::string& path, const MefOptions& options)
      : document_(text, path),
        expressions_(document_),
        options_(options),
        builder_(tree_name(path), path) {}

  FaultTree run() {
    const pugi::xml_node root = document_.root();
    if (std::string_view(root.name()) != "opsa-mef")
      document_.add(root, fmt::format("the document is <{}>; expected <opsa-mef>", root.name()));
    else
      collect(root, 0);
    for (const pugi::xml_node group : groups_) read_group(group);
    for (const auto& [node, name] : events_) read_event(node, name);
    for (const auto& [node, name] : houses_) read_house(node, name);
    for (const auto& [node, name] : gates_) read_gate(node, name);
    choose_top();
    document_.problems().raise();
    return std::move(builder_).build();
  }

 private:
  using Named = std::vector<std::pair<pugi::xml_node, std::string>>;

  std::string tree_name(const std::string& path) const {
    const pugi::xml_node root = document_.root();
    const std::string own = root.child("define-fault-tree").attribute("name").value();
    return own.empty() ? file_name(path) : own;
  }

  // What is defined where does not matter: names are names of the whole document.
  void collect(pugi::xml_node parent, int depth) {
    if (depth > deepest_mef) return document_.add(parent, "components are nested too deep");
    for (const pugi::xml_node node : document_.elements(parent)) {
      const std::string_view kind = node.name();
      if (kind == "define-fault-tree" || kind == "model-data" || kind == "define-component") {
        collect(node, depth + 1);
        continue;
      }
      if (std::string_view(node.attribute("role").value()) == "private")
        document_.add(node, "private names are not supported");
      if (kind == "define-CCF-group")
        groups_.push_back(node);
      else if (kind == "define-parameter")
        read_parameter(node);
      else if (Named* list = list_of(kind))
        add_named(node, *list);
      else
        document_.add(node, fmt::format("<{}> is not supported here; fault trees, components, "
                                        "model-data, gates, basic and house events, parameters and "
                                        "common cause groups are",
                                        kind));
    }
  }

  Named* list_of(std::string_view kind) {
    if (kind == "define-gate") return &gates_;
    if (kind == "define-basic-event") return &events_;
    if (kind == "define-house-event") return &houses_;
    return nullptr;
  }

  void add_named(pugi::xml_node node, Named& list) {
    const std::optional<std::string> name = document_.name(node);
    if (!name) return;
    list.emplace_back(node, *name);
    kinds_.emplace(*name, std::string(node.name()).substr(std::strlen("define-")));
    // References use the name that is fit for XML.
    names_.emplace(node.attribute("name").value(), *name);
  }

  void read_parameter(pugi::xml_node node) {
    const std::optional<std::string> name = document_.attribute(node, "name");
    const std::vector<pugi::xml_node> elements = document_.elements(node);
    if (elements.size() != 1) return document_.add(node, "a parameter has one expression");
    if (name) expressions_.define(*name, elements.front(), node);
  }

  void read_event(pugi::xml_node node, const std::string& name) {
    EventOptions options;
    options.mark = document_.mark(node);
    const std::vector<pugi::xml_node> elements = document_.elements(node);
    if (elements.size() > 1) document_.add(node, "a basic event has one expression or none");
    if (elements.size() == 1) options.probability = expressions_.value(elements.front());
    const auto grouped = probability_in_group_.find(name);
    if (!options.probability && grouped != probability_in_group_.end())
      options.probability = grouped->second;
    builder_.event(name, options);
  }

  void read_house(pugi::xml_node node, const std::string& name) {
    const std::string_view value = node.child("constant").attribute("value").value();
    if (value != "true" && value != "false")
      document_.add(node, R"(a house event is <constant value="true"/> or "false")");
    builder_.house(name, value == "true", document_.mark(node));
  }

  void read_gate(pugi::xml_node node, const std::string& name) {
    const std::vector<pugi::xml_node> elements = document_.elements(node);
    if (elements.size() != 1)
      return document_.add(node, fmt::format("gate {} has {} formulas; expected one",
                                             spec::quote(name), elements.size()));
    read_formula(elements.front(), name, document_.mark(node), 0);
  }

  // `name` empty: a formula within another one.
  Item read_formula(pugi::xml_node node, const std::string& name, Mark mark, int depth) {
    if (depth > deepest_mef) {
      document_.add(node, "formulas are nested too deep");
      return builder_.house("", false);
    }
    if (const auto leaf = read_leaf(node)) {
      if (name.empty()) return *leaf;
      return builder_.gate(name, Connective::any, {*leaf}, {0, mark});
    }
    std::vector<Item> arguments;
    for (const pugi::xml_node element : document_.elements(node))
      arguments.push_back(read_formula(element, "", document_.mark(element), depth + 1));
    return connect(node, name, mark, std::move(arguments));
  }

  std::optional<Item> read_leaf(pugi::xml_node node) {
    const std::string_view kind = node.name();
    if (kind == "constant") {
      const std::string_view value = node.attribute("value").value();
      if (value != "true" && value != "false")
        document_.add(node, R"(a constant is "true" or "false")");
      return builder_.house("", value == "true", document_.mark(node));
    }
    if (kind != "event" && kind != "gate" && kind != "basic-event" && kind != "house-event")
      return std::nullopt;
    const std::optional<std::string> name = document_.attribute(node, "name");
    if (!name) return builder_.house("", false);
    const auto known = names_.find(*name);
    const std::string& meant = known == names_.end() ? *name : known->second;
    check_kind(node, meant);
    used_.insert(meant);
    return builder_.named(meant, document_.mark(node));
  }

  void check_kind(pugi::xml_node node, const std::string& name) {
    std::string wanted = node.name();
    if (wanted == "event") wanted = node.attribute("type").value();
    const auto kind = kinds_.find(name);
    if (wanted.empty() || kind == kinds_.end() || kind->second == wanted) return;
    document_.add(node,
                  fmt::format("{} is a {}, not a {}", spec::quote(name), kind->second, wanted));
  }

  Item connect(pugi::xml_node node, const std::string& name, Mark mark,
               std::vector<Item> arguments) {
    static const std::map<std::string_view, Connective> plain{{"or", Connective::any},
                                                              {"and", Connective::all},
                                                              {"not", Connective::negation},
                                                              {"xor", Connective::exclusive},
                                                              {"iff", Connective::equivalent}};
    const std::string_view kind = node.name();
    if (const auto found = plain.find(kind); found != plain.end())
      return builder_.gate(name, found->second, std::move(arguments), {0, mark});
    if (kind == "nor" || kind == "nand") {
      const Connective inner = kind == "nor" ? Connective::any : Connective::all;
      const Item of = builder_.gate("", inner, std::move(arguments), {0, mark});
      return builder_.gate(name, Connective::negation, {of}, {0, mark});
    }
    if (kind == "atleast")
      return builder_.at_least(name, document_.number(node, "min").value_or(1),
                               std::move(arguments), mark);
    if (kind == "cardinality") return cardinality(node, name, mark, arguments);
    if (kind == "imply") return imply(node, name, mark, std::move(arguments));
    document_.add(node, fmt::format("<{}> is no formula; expected or, and, atleast, not, xor, iff, "
                                    "nor, nand, cardinality, imply, constant, event, gate, "
                                    "basic-event or house-event",
                                    kind));
    return builder_.house(name, false, mark);
  }

  Item imply(pugi::xml_node node, const std::string& name, Mark mark, std::vector<Item> arguments) {
    if (arguments.size() != 2) {
      document_.add(node, fmt::format("<imply> has {} arguments; it takes two", arguments.size()));
      return builder_.house(name, false, mark);
    }
    arguments[0] = builder_.gate("", Connective::negation, {arguments[0]}, {0, mark});
    return builder_.gate(name, Connective::any, std::move(arguments), {0, mark});
  }

  // At least `min`, and not at least max + 1.
  Item cardinality(pugi::xml_node node, const std::string& name, Mark mark,
                   const std::vector<Item>& arguments) {
    const std::uint32_t least = document_.number(node, "min").value_or(0);
    const std::uint32_t most = document_.number(node, "max").value_or(0);
    if (least > most || most > arguments.size())
      document_.add(node, fmt::format("<cardinality> has min {}, max {} and {} arguments", least,
                                      most, arguments.size()));
    std::vector<Item> both;
    if (least > 0) both.push_back(builder_.at_least("", least, arguments, mark));
    if (most < arguments.size()) {
      const Item more = builder_.at_least("", most + 1, arguments, mark);
      both.push_back(builder_.gate("", Connective::negation, {more}, {0, mark}));
    }
    return builder_.gate(name, Connective::all, std::move(both), {0, mark});
  }

  void read_group(pugi::xml_node node) {
    const std::optional<std::string> name = document_.attribute(node, "name");
    const std::string model = node.attribute("model").value();
    if (model != "beta-factor")
      return document_.add(
          node, fmt::format("common cause model {} is not supported; expected 'beta-factor'",
                            spec::quote(model)));
    std::vector<std::string> members;
    for (const pugi::xml_node member : document_.elements(node.child("members")))
      if (const auto member_name = document_.attribute(member, "name"))
        members.push_back(*member_name);
    const pugi::xml_node distribution = node.child("distribution").first_child();
    pugi::xml_node factor = node.child("factor");
    if (!factor) factor = node.child("factors").child("factor");
    if (!factor || document_.elements(factor).size() != 1)
      return document_.add(node, "a beta-factor group has one <factor> with an expression");
    const std::optional<double> beta = expressions_.value(document_.elements(factor).front());
    std::optional<double> together;
    if (distribution) together = expressions_.value(distribution);
    if (!name || !beta) return;
    for (const std::string& member : members) {
      if (together) probability_in_group_[member] = *together;
      // Members need no definition of their own.
      if (kinds_.emplace(member, "basic-event").second)
        builder_.event(member, {together, document_.mark(node)});
    }
    builder_.common_cause(*name, std::move(members), *beta, document_.mark(node));
  }

  void choose_top() {
    if (!options_.top.empty()) return builder_.top(builder_.named(options_.top));
    std::vector<std::pair<pugi::xml_node, std::string>> unused;
    for (const auto& gate : gates_)
      if (!used_.contains(gate.second)) unused.push_back(gate);
    if (gates_.empty()) return document_.add(document_.root(), "no gate is defined");
    // When each is used by another one, build() names the cycle.
    if (unused.empty()) return builder_.top(builder_.named(gates_.front().second));
    if (unused.size() == 1) return builder_.top(builder_.named(unused.front().second));
    std::vector<std::string> names;
    for (const auto& [node, name] : unused)
      if (names.size() < 10) names.push_back(spec::quote(name));
    document_.add(unused[1].first,
                  fmt::format("{} gates are used by no other one ({}); choose the top event "
                              "(--top NAME)",
                              unused.size(), spec::either(names)));
  }

  MefDocument document_;
  MefExpressions expressions_;
  const MefOptions& options_;
  TreeBuilder builder_;
  std::vector<pugi::xml_node> groups_;
  Named gates_;
  Named events_;
  Named houses_;
  std::map<std::string, std::string> kinds_;  // "gate", "basic-event" or "house-event", by name
  std::map<std::string, std::string> names_;
  std::map<std::string, double> probability_in_group_;
  std::set<std::string> used_;
};

}  // namespace

FaultTree read_mef_text(const std::string& text, const std::string& path,
                        const MefOptions& options) {
  return MefReading(text, path, options).run();
}

FaultTree read_mef(const std::string& path, const MefOptions& options) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  // Of a folder, opening goes well and reading does not.
  const bool readable = file && (file.peek() != std::ifstream::traits_type::eof() || file.eof());
  if (!readable) {
    spec::Problems problems;
    problems.add(path, {}, fmt::format("cannot be read: {}", std::strerror(errno)));
    problems.raise();
  }
  text << file.rdbuf();
  return read_mef_text(text.str(), path, options);
}

}  // namespace nospof::analysis
