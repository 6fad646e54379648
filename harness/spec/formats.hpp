#pragma once
// How single values are written: quantities, names, addresses, references. Internal to spec.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spec/table.hpp"

namespace nospof::spec {

/// Any text of at most `longest` bytes without control characters other than tab and newline.
Format<std::string> text(std::size_t least = 0, std::size_t longest = 4096);
/// A text that matches an ECMAScript pattern as a whole. `expected` reads "a host name such as
/// lb1".
Format<std::string> matching(std::string expected, std::string pattern, std::size_t longest);
/// A name of something in a topology: [a-z0-9][a-z0-9.-]*
Format<std::string> name(const std::string& of_what, std::size_t longest = 40);
/// A DNS label: hosts get names from it.
Format<std::string> label(const std::string& of_what, std::size_t longest);
Format<std::string> dns_name();
Format<std::string> ipv4_address();
/// "198.18.0.0/24", with no bit set beyond the prefix.
Format<std::string> ipv4_subnet();
/// A name for {{ secrets.NAME }} and the like.
Format<std::string> identifier();
Format<std::string> regular_expression();
/// An argv: at least one word, none with a NUL byte.
Format<std::vector<std::string>> words();

Format<int> integer(std::int64_t low, std::int64_t high);
Format<bool> boolean();
Format<Duration> duration(Duration low, Duration high);
Format<Rate> rate();
Format<Percent> percent();
Format<Bandwidth> bandwidth();
Format<Money> money();

/// One of a few texts, each with its value.
template <typename E>
Format<E> one_of(std::vector<std::pair<std::string, E>> entries) {
  Format<E> format;
  for (const auto& entry : entries) format.shape.choices.push_back(entry.first);
  format.shape.expected = "one of " + either(format.shape.choices);
  format.read = [entries = std::move(entries), shape = format.shape](Context& context,
                                                                     const Node& node, E& out) {
    for (const auto& [name, value] : entries) {
      if (node.kind == Node::Kind::scalar && node.text == name) {
        out = value;
        return true;
      }
    }
    context.problem(node.mark,
                    fmt::format("{}: expected {}, found {}{}", context.subject, shape.expected,
                                describe(node), did_you_mean(node.text, shape.choices)));
    return false;
  };
  return format;
}
Format<std::string> one_of_texts(const std::vector<std::string>& choices);

/// One text or a list of them.
Format<std::vector<std::string>> one_or_more(const Format<std::string>& item);
/// A list of texts in which none stands twice.
Format<std::vector<std::string>> distinct(const Format<std::string>& item, int at_least = 0);
/// A map from texts to texts.
Format<std::map<std::string, std::string>> text_map(const Format<std::string>& key,
                                                    const Format<std::string>& value);

/// A name that stands elsewhere in the file: "unknown zone 'x'; did you mean 'a'?" With
/// `always_some` a file without any of them has a problem of its own, and more of the same would
/// only hide it.
using Names = std::function<std::vector<std::string>(const Topology&)>;
Format<std::string> reference(const std::string& what, Names names, bool always_some = false);
Format<std::string> service_name();
Format<std::string> authority_name();
Format<std::string> host_name();
/// A host, a tier, a list of both, or "all"; tiers become their hosts, and no host comes twice.
Format<std::vector<std::string>> host_names();

/// Reports a name that is not among `known`.
bool check_known(Context& context, Mark mark, const std::string& what, const std::string& found,
                 const std::vector<std::string>& known);

template <typename T>
std::vector<std::string> names_of(const std::vector<T>& items) {
  std::vector<std::string> names;
  for (const T& item : items) names.push_back(item.name);
  return names;
}

}  // namespace nospof::spec
