#include <set>

#include <fmt/format.h>

#include "analysis/mef.hpp"

namespace nospof::analysis {

namespace {

std::string escaped(const std::string& text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '&')
      result += "&amp;";
    else if (letter == '<')
      result += "&lt;";
    else if (letter == '>')
      result += "&gt;";
    else if (letter == '"')
      result += "&quot;";
    else if (static_cast<unsigned char>(letter) < 0x20)
      result += fmt::format("&#{};", static_cast<int>(letter));
    else
      result += letter;
  }
  return result;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A letter, then letters, digits, and single hyphens between those.
bool fit_for_xml(const std::string& name) {
  if (name.empty() || !is_letter(name.front())) return false;
  for (std::size_t i = 1; i < name.size(); ++i) {
    const bool hyphen = name[i] == '-' && name[i - 1] != '-' && i + 1 < name.size();
    if (!is_letter(name[i]) && !is_digit(name[i]) && !hyphen) return false;
  }
  return true;
}

class MefWriting {
 public:
  explicit MefWriting(const FaultTree& tree) : tree_(tree), used_(tree.reachable()) {
    names_.resize(tree.nodes());
    std::set<std::string> taken;
    for (NodeId node = 0; node < tree.nodes(); ++node)
      if (fit_for_xml(tree.name_of(node))) taken.insert(names_[node] = tree.name_of(node));
    for (NodeId node = 0; node < tree.nodes(); ++node) {
      std::string made = fmt::format("{}{}", tree.is_event(node) ? "event" : "gate", node);
      while (names_[node].empty() && !taken.insert(made).second) made += "x";
      if (names_[node].empty()) names_[node] = made;
    }
  }

  std::string text() {
    text_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opsa-mef>\n";
    const bool plain = fit_for_xml(tree_.name());
    text_ += fmt::format("<define-fault-tree name=\"{}\">\n", plain ? tree_.name() : "tree");
    for (NodeId gate = tree_.nodes(); gate-- > tree_.events();)
      if (used_[gate] && tree_.connective(gate) != Connective::constant) write_gate(gate);
    if (tree_.is_event(tree_.top()) || tree_.connective(tree_.top()) == Connective::constant)
      text_ += fmt::format("<define-gate name=\"top{}\">{}</define-gate>\n", tree_.top(),
                           reference(tree_.top()));
    text_ += "</define-fault-tree>\n<model-data>\n";
    for (NodeId node = 0; node < tree_.nodes(); ++node) write_data(node);
    return text_ + "</model-data>\n</opsa-mef>\n";
  }

 private:
  std::string reference(NodeId node) const {
    const char* kind = tree_.is_event(node)                             ? "basic-event"
                       : tree_.connective(node) == Connective::constant ? "house-event"
                                                                        : "gate";
    return fmt::format("<{} name=\"{}\"/>", kind, names_[node]);
  }

  std::string attributes(NodeId node) const {
    const std::string& name = tree_.name_of(node);
    if (name.empty() || name == names_[node]) return "";
    return fmt::format("<attributes><attribute name=\"nospof-name\" value=\"{}\"/></attributes>",
                       escaped(name));
  }

  void write_gate(NodeId gate) {
    text_ += fmt::format("<define-gate name=\"{}\">{}", names_[gate], attributes(gate));
    std::string arguments;
    for (const NodeId argument : tree_.arguments(gate)) arguments += reference(argument);
    text_ += formula(gate, arguments) + "</define-gate>\n";
  }

  // Gates of one argument or none are no gates in the format.
  std::string formula(NodeId gate, const std::string& arguments) const {
    const std::size_t count = tree_.arguments(gate).size();
    const Connective connective = tree_.connective(gate);
    const std::uint32_t k = tree_.threshold(gate);
    const auto within = [&](const std::string& tag) {
      return fmt::format("<{0}>{1}</{0}>", tag, arguments);
    };
    switch (connective) {
      case Connective::any:
      case Connective::all:
        if (count == 1) return arguments;
        if (count == 0)
          return fmt::format("<constant value=\"{}\"/>", connective == Connective::all);
        return within(connective == Connective::all ? "and" : "or");
      case Connective::at_least:
        if (count == 1) return arguments;
        if (k == 1) return within("or");
        if (k == count) return within("and");
        return fmt::format("<atleast min=\"{}\">{}</atleast>", k, arguments);
      case Connective::negation:
        return within("not");
      case Connective::exclusive:
        return within("xor");
      case Connective::equivalent:
        return within("iff");
      case Connective::constant:
        break;  // written as a house event
    }
    return "";
  }

  void write_data(NodeId node) {
    if (!used_[node]) return;
    if (tree_.is_event(node)) {
      std::string value;
      if (const std::optional<double> probability = tree_.probability(node))
        value = fmt::format("<float value=\"{}\"/>", *probability);
      text_ += fmt::format("<define-basic-event name=\"{}\">{}{}</define-basic-event>\n",
                           names_[node], attributes(node), value);
    } else if (tree_.connective(node) == Connective::constant) {
      text_ += fmt::format(
          "<define-house-event name=\"{}\">{}<constant value=\"{}\"/></define-house-event>\n",
          names_[node], attributes(node), tree_.threshold(node) == 1);
    }
  }

  const FaultTree& tree_;
  std::vector<bool> used_;
  std::vector<std::string> names_;
  std::string text_;
};

}  // namespace

std::string mef_text(const FaultTree& tree) {
  return MefWriting(tree).text();
}

}  // namespace nospof::analysis
