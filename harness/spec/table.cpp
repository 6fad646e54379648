#include "spec/table.hpp"

#include <algorithm>

namespace nospof::spec {

std::string plural(const std::string& noun) {
  if (noun.ends_with("y")) return noun.substr(0, noun.size() - 1) + "ies";
  if (noun.ends_with("is")) return noun.substr(0, noun.size() - 2) + "es";
  return noun + "s";
}

bool refuse(Context& context, const Node& node, const std::string& expected) {
  context.problem(node.mark,
                  fmt::format("{}{}expected {}, found {}", context.subject,
                              context.subject.empty() ? "" : ": ", expected, describe(node)));
  return false;
}

void check_keys(Context& context, const Node& node, const std::vector<const FieldInfo*>& fields) {
  std::vector<std::string> known;
  for (const FieldInfo* field : fields) known.push_back(field->key);
  const std::string& owner = context.subject;
  for (const Node& key : node.keys) {
    if (std::ranges::find(known, key.text) != known.end()) continue;
    if (key.text == "<<") {
      context.problem(key.mark, "merge keys (<<) are not supported; write the keys out");
      continue;
    }
    const std::string hint = did_you_mean(key.text, known);
    context.problem(key.mark, fmt::format("unknown key {}{}{}", quote(key.text),
                                          owner.empty() ? "" : " in " + owner,
                                          hint.empty() ? "; known are " + either(known) : hint));
  }
  for (const FieldInfo* field : fields) {
    if (field->required && node.find(field->key) == nullptr) {
      context.problem(node.mark,
                      fmt::format("{} lacks the key '{}': {}", owner.empty() ? "the file" : owner,
                                  field->key, field->doc));
    }
  }
}

}  // namespace nospof::spec
