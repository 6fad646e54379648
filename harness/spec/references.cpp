// Formats of names that stand elsewhere in the topology.

#include <algorithm>

#include "spec/formats.hpp"

namespace nospof::spec {

namespace {

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::ranges::find(names, name) == names.end()) names.push_back(name);
}

/// Replaces "all" and tiers by their hosts. Returns false for an unknown name, which it reports.
bool expand(Context& context, const Topology& topology, const std::string& found, Mark mark,
            std::vector<std::string>& out) {
  if (found == "all") {
    for (const Host& host : topology.hosts) add_once(out, host.name);
    return true;
  }
  if (topology.find_host(found) != nullptr) {
    add_once(out, found);
    return true;
  }
  if (const Tier* tier = topology.find_tier(found)) {
    for (const std::string& host : tier->hosts) add_once(out, host);
    return true;
  }
  // Without hosts or tiers there is a problem already that explains all that follow from it.
  if (topology.hosts.empty() || topology.tiers.empty()) return false;
  if (topology.find_vip(found) != nullptr) {
    context.problem(mark, fmt::format("{}: {} is a VIP; expected a host or a tier", context.subject,
                                      quote(found)));
    return false;
  }
  std::vector<std::string> known = names_of(topology.tiers);
  for (const Host& host : topology.hosts) known.push_back(host.name);
  known.emplace_back("all");
  return check_known(context, mark, "host or tier", found, known);
}

}  // namespace

Format<std::string> reference(const std::string& what, Names names, bool always_some) {
  const bool has_vowel = std::string_view("aeiou").find(what.front()) != std::string_view::npos;
  Format<std::string> format;
  format.shape.expected = (has_vowel ? "the name of an " : "the name of a ") + what;
  format.read = [what, expected = format.shape.expected, names = std::move(names), always_some](
                    Context& context, const Node& node, std::string& out) {
    if (node.kind != Node::Kind::scalar) return refuse(context, node, expected);
    out = node.text;
    if (context.known == nullptr) return true;
    const std::vector<std::string> known = names(*context.known);
    if (known.empty() && always_some) return true;
    return check_known(context, node.mark, what, node.text, known);
  };
  return format;
}

Format<std::string> service_name() {
  return reference(
      "service", [](const Topology& topology) { return names_of(topology.services); }, true);
}

Format<std::string> authority_name() {
  return reference("authority",
                   [](const Topology& topology) { return names_of(topology.authorities); });
}

Format<std::string> host_name() {
  return reference(
      "host", [](const Topology& topology) { return names_of(topology.hosts); }, true);
}

Format<std::vector<std::string>> host_names() {
  Format<std::string> item;
  item.shape.expected = "a host, a tier or 'all'";
  item.read = [](Context& context, const Node& node, std::string& out) {
    if (node.kind != Node::Kind::scalar) return refuse(context, node, "a host, a tier or 'all'");
    out = node.text;
    return true;
  };
  Format<std::vector<std::string>> format = one_or_more(item);
  format.read = [names = distinct(item, 1).read, one = item.read](
                    Context& context, const Node& node, std::vector<std::string>& out) {
    std::vector<std::string> found;
    const bool readable = node.kind == Node::Kind::list ? names(context, node, found)
                                                        : one(context, node, found.emplace_back());
    if (!readable || context.known == nullptr) return readable;
    bool all = true;
    for (std::size_t i = 0; i < found.size(); ++i) {
      all = expand(context, *context.known, found[i], node.mark_of(i), out) && all;
    }
    return all;
  };
  return format;
}

}  // namespace nospof::spec
