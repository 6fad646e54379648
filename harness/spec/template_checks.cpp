// Names in templates: what {{ secrets.x }}, {{ vars.x }}, {{ tiers.x }} and their like refer to.

#include <algorithm>
#include <map>
#include <set>

#include "spec/formats.hpp"
#include "spec/sha256.hpp"
#include "spec/topology_checks.hpp"

namespace nospof::spec {

namespace {

bool is_word(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || letter == '_';
}

/// One "table.name" inside of {{ }} or {% %}.
struct Mention {
  std::string table;
  std::string name;
  std::size_t offset = 0;
};

/// Mentions of `tables` in the inside of one pair of braces, which starts at `offset`. Strings are
/// skipped.
void scan_expression(std::string_view code, std::size_t offset,
                     const std::map<std::string, std::vector<std::string>>& tables,
                     std::vector<Mention>& out) {
  for (std::size_t i = 0; i < code.size();) {
    if (code[i] == '"' || code[i] == '\'') {
      const std::size_t end = code.find(code[i], i + 1);
      if (end == std::string_view::npos) return;
      i = end + 1;
      continue;
    }
    if (!is_word(code[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < code.size() && is_word(code[end])) ++end;
    const std::string word(code.substr(i, end - i));
    const bool is_attribute = i > 0 && code[i - 1] == '.';
    i = end;
    if (is_attribute || !tables.contains(word) || end >= code.size() || code[end] != '.') continue;
    std::size_t name_end = end + 1;
    while (name_end < code.size() && is_word(code[name_end])) ++name_end;
    if (name_end == end + 1) continue;
    out.push_back({word, std::string(code.substr(end + 1, name_end - end - 1)), offset + end + 1});
    i = name_end;
  }
}

/// All mentions in a Jinja2 template; comments are skipped, and raw blocks end the search.
std::vector<Mention> scan_template(std::string_view text,
                                   const std::map<std::string, std::vector<std::string>>& tables) {
  std::vector<Mention> mentions;
  for (std::size_t i = text.find('{'); i != std::string_view::npos && i + 1 < text.size();
       i = text.find('{', i)) {
    const char kind = text[i + 1];
    if (kind != '{' && kind != '%' && kind != '#') {
      ++i;
      continue;
    }
    const std::string_view close = kind == '{' ? "}}" : kind == '%' ? "%}" : "#}";
    const std::size_t end = text.find(close, i + 2);
    if (end == std::string_view::npos) break;
    const std::string_view code = text.substr(i + 2, end - i - 2);
    const std::size_t word = code.find_first_not_of("-+ \t\n");
    if (kind == '%' && word != std::string_view::npos && code.substr(word).starts_with("raw"))
      break;
    if (kind != '#') scan_expression(code, i + 2, tables, mentions);
    i = end + 2;
  }
  return mentions;
}

Mark position(std::string_view text, std::size_t offset) {
  Mark mark{1, 1};
  for (std::size_t i = 0; i < offset; ++i) {
    mark.column = text[i] == '\n' ? 1 : mark.column + 1;
    if (text[i] == '\n') ++mark.line;
  }
  return mark;
}

class TemplateChecks {
 public:
  TemplateChecks(Context& context, const Topology& topology) : context_(context) {
    tables_["secrets"] = topology.secrets;
    for (const auto& entry : topology.variables) tables_["vars"].push_back(entry.first);
    tables_.try_emplace("vars");
    tables_["tiers"] = names_of(topology.tiers);
    tables_["vips"] = names_of(topology.vips);
    tables_["authorities"] = names_of(topology.authorities);
    tables_["host_by_name"] = names_of(topology.hosts);
  }

  void check_text(const std::string& file, std::string_view text) {
    for (const Mention& mention : scan_template(text, tables_)) {
      if (is_known(mention) || context_.problems.size() >= Problems::most) continue;
      report(file, position(text, mention.offset), mention);
    }
  }

  /// Every scalar below a node is a template.
  void check_node(const Node* node) {
    if (node == nullptr) return;
    for (const Mention& mention : scan_template(node->text, tables_)) {
      if (!is_known(mention)) report(context_.file, node->mark, mention);
    }
    for (const Node& child : node->values) check_node(&child);
  }

 private:
  bool is_known(const Mention& mention) const {
    static const std::set<std::string> methods = {"items", "keys", "values", "get"};
    const auto& known = tables_.at(mention.table);
    return methods.contains(mention.name) || std::ranges::find(known, mention.name) != known.end();
  }

  void report(const std::string& file, Mark mark, const Mention& mention) {
    const auto& known = tables_.at(mention.table);
    std::string hint = did_you_mean(mention.name, known);
    if (hint.empty()) hint = known.empty() ? "; there is none" : "; known are " + either(known);
    context_.problems.add(file, mark,
                          fmt::format("unknown name {} in the template expression {}.{}{}",
                                      quote(mention.name), mention.table, mention.name, hint));
  }

  Context& context_;
  std::map<std::string, std::vector<std::string>> tables_;
};

void check_words(TemplateChecks& checks, const Node& root) {
  const auto each = [&](std::string_view section, const std::vector<std::string_view>& keys) {
    const Node* entries = root.find(section);
    if (entries == nullptr) return;
    for (const Node& entry : entries->values) {
      for (const std::string_view key : keys) checks.check_node(entry.find(key));
    }
  };
  each("services", {"command", "prepare", "environment", "reload"});
  each("roles", {"exec"});
  each("redundancy", {"exec"});
}

}  // namespace

std::string check_templates(Context& context, const Node& root, std::string_view text,
                            const Topology& topology) {
  TemplateChecks checks(context, topology);
  check_words(checks, root);
  std::map<std::string, std::string> texts;
  const Node* services = root.find("services");
  for (const Service& service : topology.services) {
    const Node* entry = services == nullptr ? nullptr : services->find(service.name);
    const Node* files = entry == nullptr ? nullptr : entry->find("files");
    for (std::size_t i = 0; i < service.files.size(); ++i) {
      const std::string& name = service.files[i];
      if (name.empty() || texts.contains(name)) continue;
      const std::string path = context.folder + "/" + name;
      const Mark mark = files == nullptr ? service.mark : files->mark_of(i);
      const auto found = load_text(path, context.file, mark, context.problems);
      if (!found) continue;
      if (name.ends_with(".j2")) checks.check_text(path, *found);
      texts[name] = *found;
    }
  }
  Sha256 sum;
  sum.add("topology", text);
  for (const auto& [name, content] : texts) sum.add(name, content);
  return sum.hex();
}

}  // namespace nospof::spec
