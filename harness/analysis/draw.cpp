#include "analysis/draw.hpp"

#include <fmt/format.h>

namespace nospof::analysis {

namespace {

std::string connective_text(const FaultTree& tree, NodeId gate) {
  switch (tree.connective(gate)) {
    case Connective::any:
      return "OR";
    case Connective::all:
      return "AND";
    case Connective::at_least:
      return fmt::format("{} of {}", tree.threshold(gate), tree.arguments(gate).size());
    case Connective::negation:
      return "NOT";
    case Connective::exclusive:
      return "XOR";
    case Connective::equivalent:
      return "IFF";
    case Connective::constant:
      return tree.threshold(gate) == 1 ? "always" : "never";
  }
  return "";
}

// The lines of a node's label: its name, and what it is.
std::vector<std::string> label(const FaultTree& tree, NodeId node) {
  std::vector<std::string> lines;
  if (!tree.name_of(node).empty()) lines.push_back(tree.name_of(node));
  if (!tree.is_event(node)) {
    lines.push_back(connective_text(tree, node));
  } else if (const std::optional<double> probability = tree.probability(node)) {
    lines.push_back(fmt::format("{}", *probability));
  }
  return lines;
}

// In quotes, where `line_end` begins a new line.
std::string quoted(const std::vector<std::string>& lines, const char* line_end, bool html) {
  std::string text;
  for (const std::string& line : lines) {
    if (!text.empty()) text += line_end;
    for (const char letter : line) {
      const auto byte = static_cast<unsigned char>(letter);
      // Mermaid reads entities with '#'; Graphviz wants quotes and backslashes escaped.
      if (html && (letter == '"' || letter == '#' || letter == '<' || letter == '>' ||
                   letter == '&' || letter == '`' || byte < 0x20))
        text += fmt::format("#{};", static_cast<int>(byte));
      else if (!html && (letter == '"' || letter == '\\'))
        text += fmt::format("\\{}", letter);
      else if (byte < 0x20)
        text += ' ';
      else
        text += letter;
    }
  }
  return '"' + text + '"';
}

template <typename Node, typename Edge>
void each(const FaultTree& tree, Node node, Edge edge) {
  const std::vector<bool> used = tree.reachable();
  for (NodeId id = tree.nodes(); id-- > 0;)
    if (used[id]) node(id);
  for (NodeId id = tree.nodes(); id-- > tree.events();)
    if (used[id])
      for (const NodeId argument : tree.arguments(id)) edge(id, argument);
}

}  // namespace

std::string dot_text(const FaultTree& tree) {
  std::string text = fmt::format("digraph {} {{\n  node [fontname=\"sans-serif\"];\n",
                                 quoted({tree.name()}, "", false));
  each(
      tree,
      [&](NodeId node) {
        text += fmt::format("  n{} [shape={}, label={}];\n", node,
                            tree.is_event(node) ? "ellipse" : "box",
                            quoted(label(tree, node), "\\n", false));
      },
      [&](NodeId gate, NodeId argument) {
        text += fmt::format("  n{} -> n{};\n", gate, argument);
      });
  return text + "}\n";
}

std::string mermaid_text(const FaultTree& tree) {
  std::string text = "flowchart TD\n";
  each(
      tree,
      [&](NodeId node) {
        const std::string lines = quoted(label(tree, node), "<br>", true);
        text += tree.is_event(node) ? fmt::format("  n{}({})\n", node, lines)
                                    : fmt::format("  n{}[{}]\n", node, lines);
      },
      [&](NodeId gate, NodeId argument) {
        text += fmt::format("  n{} --> n{}\n", gate, argument);
      });
  return text;
}

}  // namespace nospof::analysis
