#include "system/ruleset.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <sched.h>

#include "system/arp.hpp"
#include "system/check.hpp"
#include "system/namespaces.hpp"
#include "system/netlink.hpp"

namespace nospof {

namespace {

constexpr int most_reads = 5;

std::string_view next_line(std::string_view& listing) {
  const std::size_t end = std::min(listing.find('\n'), listing.size() - 1) + 1;
  const std::string_view line = listing.substr(0, end);
  listing.remove_prefix(end);
  return line;
}

std::string_view trimmed(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t\n") - begin + 1);
}

NftTable table_of(std::string_view line) {
  line.remove_prefix(std::string_view("table ").size());
  line = trimmed(line);
  const std::size_t family_end = std::min(line.find(' '), line.size());
  const std::string_view family = line.substr(0, family_end);
  line.remove_prefix(std::min(family_end + 1, line.size()));
  return {std::string(family), std::string(line.substr(0, line.find(' ')))};
}

std::set<std::string_view> lines_of(std::string_view text) {
  std::set<std::string_view> lines;
  while (!text.empty()) lines.insert(trimmed(next_line(text)));
  return lines;
}

// Matches and targets of iptables-nft that nft has no words for are printed as comments.
std::string first_untranslatable(std::string_view listing) {
  while (!listing.empty()) {
    const std::string_view line = trimmed(next_line(listing));
    if (line.starts_with('#') || line.find(" xt match ") != std::string_view::npos ||
        line.find(" xt target ") != std::string_view::npos)
      return std::string(line);
  }
  return {};
}

}  // namespace

bool is_own_table(std::string_view name) {
  constexpr std::size_t digits = 8;
  if (!name.starts_with(own_table_prefix) || name.size() != own_table_prefix.size() + digits)
    return false;
  return name.substr(own_table_prefix.size()).find_first_not_of("0123456789abcdef") ==
         std::string_view::npos;
}

std::vector<TableListing> split_listing(std::string_view listing) {
  std::vector<TableListing> tables;
  bool inside = false;
  while (!listing.empty()) {
    const std::string_view line = next_line(listing);
    if (line.starts_with("table ")) {
      tables.push_back({table_of(line), {}, false});
      inside = true;
    }
    if (!inside) continue;
    tables.back().text += line;
    const std::string_view words = trimmed(line);
    // Flags of a table stand at its first level; those of a set one deeper.
    if (line.starts_with("\tflags ") && words.find("owner") != std::string_view::npos)
      tables.back().has_owner = true;
    // A table ends with the one brace that stands at the beginning of a line.
    if (line.starts_with('}')) inside = false;
  }
  return tables;
}

std::string without_own_tables(std::string_view listing) {
  std::string kept;
  for (const TableListing& table : split_listing(listing))
    if (!is_own_table(table.table.name)) kept += table.text;
  return kept;
}

std::string without_learned_elements(std::string_view listing) {
  std::string kept;
  std::string block;  // a set or map, until it is known whether its elements are learned
  bool in_block = false;
  bool learned = false;
  bool in_elements = false;
  std::string elements;
  while (!listing.empty()) {
    const std::string_view line = next_line(listing);
    const std::string_view words = trimmed(line);
    if (!in_block) {
      if ((words.starts_with("set ") || words.starts_with("map ")) &&
          words.find(" {") != std::string_view::npos) {
        in_block = true;
        learned = false;
        block = line;
        elements.clear();
      } else {
        kept += line;
      }
      continue;
    }
    if (words.starts_with("flags ") && (words.find("dynamic") != std::string_view::npos ||
                                        words.find("timeout") != std::string_view::npos))
      learned = true;
    if (words.starts_with("timeout ")) learned = true;
    if (words.starts_with("elements =")) in_elements = true;
    if (in_elements) {
      elements += line;
      in_elements = !words.ends_with('}');
      continue;
    }
    if (words == "}") {
      kept += block + (learned ? std::string() : elements);
      kept += line;
      in_block = false;
      continue;
    }
    block += line;
  }
  return kept;
}

std::string first_difference(std::string_view before, std::string_view now) {
  const auto old_lines = lines_of(before);
  const auto new_lines = lines_of(now);
  for (const std::string_view line : new_lines)
    if (!old_lines.contains(line)) return fmt::format("new is '{}'", line);
  for (const std::string_view line : old_lines)
    if (!new_lines.contains(line)) return fmt::format("missing is '{}'", line);
  return "their order or number changed";
}

HostRuleset read_host_ruleset() {
  const auto comparable_now = [] {
    return without_learned_elements(NftContext().list_elements("ruleset"));
  };
  // Two listings are two moments: they belong together when the rules did not change in between.
  for (int i = 0; i < most_reads; ++i) {
    const std::string before = comparable_now();
    const std::string full = NftContext().list_state("ruleset");
    if (comparable_now() != before) continue;
    HostRuleset rules;
    rules.untranslatable = first_untranslatable(full);
    for (const TableListing& entry : split_listing(before)) {
      if (is_own_table(entry.table.name)) continue;
      if (entry.has_owner) {
        rules.owned.push_back(entry.table);
      } else {
        rules.tables.push_back(entry.table);
        rules.comparable += entry.text;
      }
    }
    for (const TableListing& entry : split_listing(full))
      if (!is_own_table(entry.table.name) && !entry.has_owner) rules.restorable += entry.text;
    return rules;
  }
  throw Error(
      "nft: somebody changes the rules of this host all the time, so they can't be read as a "
      "whole; "
      "try again when that is over");
}

HostRuleset try_ruleset(const std::string& commands) {
  const std::vector<NetworkDevice> devices = devices_but_loopback();
  const UniqueFd apart = create_network_namespace();
  Netlink links = Netlink::in(apart.get());
  for (const NetworkDevice& device : devices)
    links.add_veth({.name = device.name,
                    .master = "",
                    .peer_name = fmt::format("np{:08x}", device.index),
                    .peer_mac = "",
                    .peer_namespace_fd = -1});
  HostRuleset rules;
  in_namespaces({{apart.get(), CLONE_NEWNET}}, [&] {
    NftContext().run(commands);
    rules = read_host_ruleset();
  });
  return rules;
}

}  // namespace nospof
