#include "spec/formats.hpp"

#include <algorithm>
#include <charconv>
#include <regex>

#include "spec/ipv4.hpp"
#include "spec/pattern.hpp"

namespace nospof::spec {

namespace {

constexpr const char* duration_pattern = "0|[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|d)";
constexpr const char* decimal_pattern = "[0-9]+(\\.[0-9]+)?";

/// A scalar that `parse` turns into a value, or not.
template <typename T>
Format<T> parsed(std::string expected, std::string pattern,
                 std::function<std::optional<T>(const std::string&)> parse) {
  Format<T> format;
  format.shape.expected = std::move(expected);
  format.shape.pattern = std::move(pattern);
  format.read = [shape = format.shape, parse = std::move(parse)](Context& context, const Node& node,
                                                                 T& out) {
    if (node.kind != Node::Kind::scalar) return refuse(context, node, shape.expected);
    auto value = parse(node.text);
    if (!value) return refuse(context, node, shape.expected);
    out = std::move(*value);
    return true;
  };
  return format;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
}

bool is_printable(const std::string& text) {
  return std::ranges::all_of(text, [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte != 0x7f && (byte >= 0x20 || byte == '\t' || byte == '\n');
  });
}

}  // namespace

Format<std::string> text(std::size_t least, std::size_t longest) {
  const std::string expected = least > 0 ? fmt::format("text of {} to {} bytes", least, longest)
                                         : fmt::format("text of at most {} bytes", longest);
  Format<std::string> format;
  format.shape.expected = expected;
  format.read = [=](Context& context, const Node& node, std::string& out) {
    const bool fits =
        node.kind == Node::Kind::scalar && node.text.size() >= least && node.text.size() <= longest;
    if (!fits) return refuse(context, node, expected);
    if (!is_printable(node.text)) {
      return refuse(context, node, expected + " without control characters");
    }
    out = node.text;
    return true;
  };
  return format;
}

Format<std::string> matching(std::string expected, std::string pattern, std::size_t longest) {
  expected += fmt::format(", at most {} characters", longest);
  return parsed<std::string>(
      std::move(expected), pattern,
      [expression = std::regex(pattern, std::regex::ECMAScript | std::regex::optimize),
       longest](const std::string& value) -> std::optional<std::string> {
        if (value.size() > longest || !std::regex_match(value, expression)) return std::nullopt;
        return value;
      });
}

Format<std::string> name(const std::string& of_what, std::size_t longest) {
  return matching("a " + of_what + " (a-z, 0-9, '.' and '-', a letter or digit first)",
                  "[a-z0-9][a-z0-9.-]*", longest);
}

Format<std::string> label(const std::string& of_what, std::size_t longest) {
  return matching("a " + of_what + " (a-z, 0-9 and '-', a letter or digit at both ends)",
                  "[a-z0-9]([a-z0-9-]*[a-z0-9])?", longest);
}

Format<std::string> dns_name() {
  return matching("a DNS name such as www.nospof.test in lower case",
                  "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*",
                  253);
}

Format<std::string> identifier() {
  return matching("a name for templates (a-z, 0-9 and '_', no digit first)", "[a-z_][a-z0-9_]*",
                  40);
}

Format<std::string> ipv4_address() {
  return parsed<std::string>("an IPv4 address such as 198.18.0.11", "([0-9]{1,3}\\.){3}[0-9]{1,3}",
                             [](const std::string& value) -> std::optional<std::string> {
                               if (!parse_ipv4(value)) return std::nullopt;
                               return value;
                             });
}

Format<std::string> ipv4_subnet() {
  return parsed<std::string>(
      "an IPv4 subnet such as 198.18.0.0/24, from /15 to /29, with no bit set beyond the prefix",
      "([0-9]{1,3}\\.){3}[0-9]{1,3}/(1[5-9]|2[0-9])",
      [](const std::string& value) -> std::optional<std::string> {
        const auto subnet = parse_subnet(value);
        if (!subnet || subnet->prefix_length < 15 || subnet->prefix_length > 29) {
          return std::nullopt;
        }
        return value;
      });
}

Format<std::string> regular_expression() {
  // Compiling one takes stack in proportion to its length.
  constexpr std::size_t longest = 500;
  Format<std::string> format = text(1, longest);
  format.shape.expected = "an ECMAScript regular expression";
  format.read = [plain = text(1, longest).read](Context& context, const Node& node,
                                                std::string& out) {
    if (!plain(context, node, out)) return false;
    if (const std::string fault = fault_of_expression(out); !fault.empty()) {
      context.problem(node.mark,
                      fmt::format("{}: expected an ECMAScript regular expression, found {}: {}",
                                  context.subject, describe(node), fault));
      return false;
    }
    return true;
  };
  return format;
}

Format<std::vector<std::string>> words() {
  return list_of(text(), 1);
}

Format<int> integer(std::int64_t low, std::int64_t high) {
  auto format =
      parsed<int>(fmt::format("a whole number from {} to {}", low, high), "",
                  [low, high](const std::string& value) -> std::optional<int> {
                    std::int64_t number = 0;
                    const char* last = value.data() + value.size();
                    const auto [end, error] = std::from_chars(value.data(), last, number);
                    if (error != std::errc{} || end != last || number < low || number > high) {
                      return std::nullopt;
                    }
                    return static_cast<int>(number);
                  });
  format.shape.kind = Shape::Kind::integer;
  format.shape.low = low;
  format.shape.high = high;
  return format;
}

Format<bool> boolean() {
  auto format =
      parsed<bool>("true or false", "", [](const std::string& value) -> std::optional<bool> {
        if (value == "true") return true;
        if (value == "false") return false;
        return std::nullopt;
      });
  format.shape.kind = Shape::Kind::boolean;
  return format;
}

Format<Duration> duration(Duration low, Duration high) {
  Format<Duration> format;
  format.shape.expected =
      fmt::format("a duration from {} to {}", format_duration(low), format_duration(high));
  format.shape.pattern = duration_pattern;
  format.read = [=, expected = format.shape.expected](Context& context, const Node& node,
                                                      Duration& out) {
    const auto value =
        node.kind == Node::Kind::scalar ? parse_duration(node.text) : std::optional<Duration>();
    if (value && *value >= low && *value <= high) {
      out = *value;
      return true;
    }
    if (value) return refuse(context, node, expected);
    if (is_number(node.text)) {
      return refuse(context, node, expected + " with a unit (ns, us, ms, s, m, h or d)");
    }
    return refuse(context, node, expected + " such as 300ms, 1.5s or 2m");
  };
  return format;
}

Format<Rate> rate() {
  // Once in 1,000 s: when the second request of a much slower one is due does not fit into 64 bits.
  constexpr double least = 0.001;
  constexpr double most = 100'000;
  return parsed<Rate>("a rate from 0.001/s to 100000/s, such as 50/s or 600/m",
                      std::string(decimal_pattern) + "/[sm]",
                      [](const std::string& value) -> std::optional<Rate> {
                        const auto result = parse_rate(value);
                        if (!result || result->per_second < least || result->per_second > most)
                          return std::nullopt;
                        return result;
                      });
}

Format<Percent> percent() {
  return parsed<Percent>("a percentage from 0% to 100% such as 99.9%",
                         std::string(decimal_pattern) + "%",
                         [](const std::string& value) { return parse_percent(value); });
}

Format<Size> size(Size low, Size high) {
  return parsed<Size>(
      fmt::format("a size from {} to {} such as 512MiB", format_size(low), format_size(high)),
      std::string(decimal_pattern) + "(B|KiB|MiB|GiB)",
      [low, high](const std::string& value) -> std::optional<Size> {
        const auto result = parse_size(value);
        if (!result || result->bytes < low.bytes || result->bytes > high.bytes) return std::nullopt;
        return result;
      });
}

Format<Bandwidth> bandwidth() {
  constexpr std::uint64_t most = 1'000'000'000'000;
  return parsed<Bandwidth>(
      "a bandwidth from 8bit/s to 1000gbit/s, such as 10mbit/s or 64kbit/s",
      std::string(decimal_pattern) + "[kmg]?bit/s",
      [](const std::string& value) -> std::optional<Bandwidth> {
        const auto result = parse_bandwidth(value);
        if (!result || result->bits_per_second < 8 || result->bits_per_second > most)
          return std::nullopt;
        return result;
      });
}

Format<Money> money() {
  return parsed<Money>("an amount such as 1200 EUR, 15 EUR/month or 180 EUR/year",
                       std::string(decimal_pattern) + " [A-Z]{3}(/month|/year)?",
                       [](const std::string& value) { return parse_money(value); });
}

Format<std::string> one_of_texts(const std::vector<std::string>& choices) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const std::string& choice : choices) entries.emplace_back(choice, choice);
  return one_of(std::move(entries));
}

Format<std::vector<std::string>> one_or_more(const Format<std::string>& item) {
  Format<std::vector<std::string>> format = list_of(item, 1);
  format.shape.kind = Shape::Kind::text_or_list;
  format.shape.expected = item.shape.expected + ", or a list of such";
  format.read = [item, list = list_of(item, 1).read](Context& context, const Node& node,
                                                     std::vector<std::string>& out) {
    if (node.kind == Node::Kind::list) return list(context, node, out);
    return item.read(context, node, out.emplace_back());
  };
  return format;
}

Format<std::vector<std::string>> distinct(const Format<std::string>& item, int at_least) {
  Format<std::vector<std::string>> format = list_of(item, at_least);
  format.read = [list = format.read](Context& context, const Node& node,
                                     std::vector<std::string>& out) {
    if (!list(context, node, out)) return false;
    bool all = true;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (std::find(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(i), out[i]) ==
          out.begin() + static_cast<std::ptrdiff_t>(i)) {
        continue;
      }
      context.problem(node.mark_of(i),
                      fmt::format("{}: {} stands twice", context.subject, quote(out[i])));
      all = false;
    }
    return all;
  };
  return format;
}

Format<std::map<std::string, std::string>> text_map(const Format<std::string>& key,
                                                    const Format<std::string>& value) {
  Format<std::map<std::string, std::string>> format;
  format.shape.kind = Shape::Kind::map;
  format.shape.expected = "a map from names to texts";
  format.shape.pattern = key.shape.pattern;
  format.shape.low = 0;
  format.shape.inner = {value.shape};
  format.read = [key, value](Context& context, const Node& node,
                             std::map<std::string, std::string>& out) {
    if (node.kind != Node::Kind::map) return refuse(context, node, "a map from names to texts");
    bool all = true;
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      std::string checked;
      all = key.read(context, node.keys[i], checked) && all;
      const SubjectScope scope(context, quote(node.keys[i].text) + " in " + context.subject);
      all = value.read(context, node.values[i], out[node.keys[i].text]) && all;
    }
    return all;
  };
  return format;
}

bool check_known(Context& context, Mark mark, const std::string& what, const std::string& found,
                 const std::vector<std::string>& known) {
  if (std::ranges::find(known, found) != known.end()) return true;
  std::string hint = did_you_mean(found, known);
  if (hint.empty()) hint = known.empty() ? "; there is none" : "; known are " + either(known);
  context.problem(mark,
                  fmt::format("{}: unknown {} {}{}", context.subject, what, quote(found), hint));
  return false;
}

}  // namespace nospof::spec
