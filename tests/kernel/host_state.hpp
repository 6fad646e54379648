#pragma once
// Everything on a host that a fault could leave changed, as text to compare: read with the system's
// own tools, not with ours.

#include <map>
#include <regex>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "system/process.hpp"
#include "system/ruleset.hpp"

namespace nospof::test {

/// Part ("qdiscs", "rules", ...) -> what a tool prints of it.
using HostState = std::map<std::string, std::string>;

inline std::string tool_output(const std::vector<NamespaceFd>& namespaces,
                               std::vector<std::string> argv, std::string_view input = {}) {
  SpawnOptions options;
  options.argv = std::move(argv);
  options.namespaces = namespaces;
  const CommandResult result = run_command(options, std::chrono::seconds(20), input);
  EXPECT_EQ(result.exit_code, 0) << options.argv.front() << ": " << result.errors;
  return result.output;
}

/// Without the numbers that the kernel gives out anew when a device is made again: "2: ", "@if7".
inline std::string without_indexes(std::string_view listing) {
  static const std::regex indexes(R"((^|\n)\d+: |@if\d+| link-netnsid \d+)");
  return std::regex_replace(std::string(listing), indexes, "$1");
}

/// Rules (without what sets learned from traffic), traffic control, links, addresses, routes.
inline HostState network_state(const std::vector<NamespaceFd>& namespaces) {
  HostState state;
  state["rules"] =
      without_learned_elements(tool_output(namespaces, {"nft", "-s", "list", "ruleset"}));
  state["qdiscs"] = tool_output(namespaces, {"tc", "qdisc", "show"});
  // One process for all: this is asked for again and again.
  state["links, addresses, routes"] = without_indexes(
      tool_output(namespaces, {"ip", "-details", "-batch", "-"},
                  "link show\naddress show\nroute show table all\nrule show\nneigh show nud "
                  "permanent\n"));
  return state;
}

/// Classes and filters of one device, and the rules with their handles.
inline HostState detailed_network_state(const std::vector<NamespaceFd>& namespaces,
                                        const std::string& device) {
  HostState state = network_state(namespaces);
  state["rule handles"] =
      without_learned_elements(tool_output(namespaces, {"nft", "-a", "-s", "list", "ruleset"}));
  state["classes"] = tool_output(namespaces, {"tc", "class", "show", "dev", device});
  state["filters"] = tool_output(namespaces, {"tc", "filter", "show", "dev", device});
  return state;
}

/// What differs, one line for each part; empty: nothing.
inline std::string differences(const HostState& before, const HostState& now) {
  std::string found;
  for (const auto& [part, text] : before) {
    const auto other = now.find(part);
    if (other == now.end())
      found += fmt::format("{}: gone\n", part);
    else if (other->second != text)
      found += fmt::format("{}: {}\n", part, first_difference(text, other->second));
  }
  for (const auto& [part, text] : now)
    if (!before.contains(part)) found += fmt::format("{}: new: {}\n", part, text);
  return found;
}

}  // namespace nospof::test
