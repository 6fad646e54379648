#include "faults/cut.hpp"

#include <algorithm>
#include <cctype>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "system/check.hpp"

namespace nospof::faults {

namespace {

// One rule per way to know a peer: by its IPv4 address, by that address inside ARP, and by its
// hardware address, which also tells the traffic of a VIP that it holds, broadcasts and IPv6.
std::string peer_rules(const std::vector<Peer>& peers, bool in) {
  const char* end = in ? "saddr" : "daddr";
  std::vector<std::string> addresses;
  std::vector<std::string> macs;
  for (const Peer& peer : peers) {
    addresses.push_back(peer.address);
    if (!peer.mac.empty()) macs.push_back(peer.mac);
  }
  const std::string list = fmt::format("{}", fmt::join(addresses, ", "));
  std::string rules = fmt::format(
      "    ip {0} {{ {1} }} counter drop\n    arp {0} ip {{ {1} }} counter drop\n", end, list);
  if (!macs.empty())
    rules += fmt::format("    ether {} {{ {} }} counter drop\n", end, fmt::join(macs, ", "));
  return rules;
}

// "02:00:c6:12:00:0b"
bool is_mac(std::string_view text) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool fits =
        i % 3 == 2 ? text[i] == ':' : std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
    if (!fits) return false;
  }
  return true;
}

std::string chain(const NetworkDevice& device, bool in, const std::string& rules) {
  if (device.name.find_first_of("\"\\\n") != std::string::npos)
    throw Error(fmt::format("partition: device '{}' has a name that nft can't take; rename it",
                            device.name));
  return fmt::format(
      "  chain {}_{} {{\n    type filter hook {} device \"{}\" priority {}; policy accept;\n{}  "
      "}}\n",
      in ? "in" : "out", device.index, in ? "ingress" : "egress", device.name, cut_priority, rules);
}

// "table netdev nospof_1a2b3c4d {", of whatever family.
bool begins_own_table(std::string_view line) {
  constexpr std::string_view word = "table ";
  if (!line.starts_with(word)) return false;
  const std::size_t name = line.find(' ', word.size());
  return name != std::string_view::npos && line.substr(name + 1).starts_with(cut_table_prefix);
}

}  // namespace

void check_peer(const Peer& peer) {
  in_addr parsed{};
  if (::inet_pton(AF_INET, peer.address.c_str(), &parsed) != 1)
    throw Error(fmt::format("partition: peer address '{}' is no IPv4 address", peer.address));
  if (!peer.mac.empty() && !is_mac(peer.mac))
    throw Error(fmt::format("partition: peer MAC '{}' is no hardware address", peer.mac));
}

std::string cut_rules(const Cut& cut, const std::string& table,
                      const std::vector<NetworkDevice>& devices) {
  std::string text = fmt::format("table {} {} {{\n  flags owner\n", cut_family, table);
  for (const bool in : {true, false}) {
    if (in ? !cut.in : !cut.out) continue;
    const std::string rules =
        cut.everybody ? std::string("    counter drop\n") : peer_rules(cut.peers, in);
    for (const NetworkDevice& device : devices) text += chain(device, in, rules);
  }
  return text + "}\n";
}

std::string without_own_tables(std::string_view listing) {
  std::string kept;
  bool skipping = false;
  while (!listing.empty()) {
    const std::size_t end = std::min(listing.find('\n'), listing.size() - 1) + 1;
    const std::string_view line = listing.substr(0, end);
    listing.remove_prefix(end);
    skipping = skipping || begins_own_table(line);
    if (!skipping) kept += line;
    // A table ends with the one brace that stands at the beginning of a line.
    if (line.starts_with('}')) skipping = false;
  }
  return kept;
}

}  // namespace nospof::faults
