#include "faults/cut.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include <arpa/inet.h>
#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "system/check.hpp"
#include "system/probe_packet.hpp"

namespace nospof::faults {

namespace {

constexpr std::size_t asked_at_once = 3;
constexpr int any_port = 9;
constexpr int highest_port = 65535;

std::string list_of(const std::vector<std::string>& words) {
  return fmt::format("{{ {} }}", fmt::join(words, ", "));
}

std::vector<std::string> addresses_of(const std::vector<Peer>& peers) {
  std::vector<std::string> addresses;
  for (const Peer& peer : peers) addresses.push_back(peer.address);
  return addresses;
}

// Ways to know a peer: by its IPv4 address and by its hardware address, which also tells the
// traffic of a VIP that it holds, broadcasts and IPv6.
std::vector<std::string> peer_matches(const std::vector<Peer>& peers, bool in, bool on_link) {
  const char* end = in ? "saddr" : "daddr";
  std::vector<std::string> matches{fmt::format("ip {} {} ", end, list_of(addresses_of(peers)))};
  std::vector<std::string> macs;
  for (const Peer& peer : peers)
    if (!peer.mac.empty()) macs.push_back(peer.mac);
  if (on_link && !macs.empty()) matches.push_back(fmt::format("ether {} {} ", end, list_of(macs)));
  return matches;
}

std::vector<std::string> port_matches(const Cut& cut) {
  const std::string protocol = cut.protocol == "icmp"  ? "meta l4proto { icmp, ipv6-icmp } "
                               : cut.protocol != "any" ? "meta l4proto " + cut.protocol + " "
                               : !cut.ports.empty()    ? "meta l4proto { tcp, udp } "
                                                       : "";
  if (cut.ports.empty()) return {protocol};
  std::vector<std::string> ranges;
  for (const PortRange& range : cut.ports)
    ranges.push_back(range.first == range.last ? std::to_string(range.first)
                                               : fmt::format("{}-{}", range.first, range.last));
  return {fmt::format("{}th sport {} ", protocol, list_of(ranges)),
          fmt::format("{}th dport {} ", protocol, list_of(ranges))};
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

std::optional<int> port_of(std::string_view text) {
  int number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number < 1 || number > highest_port) return std::nullopt;
  return number;
}

}  // namespace

void check_peer(const std::string& kind, const Peer& peer) {
  in_addr parsed{};
  if (::inet_pton(AF_INET, peer.address.c_str(), &parsed) != 1)
    throw Error(fmt::format("{}: peer address '{}' is no IPv4 address", kind, peer.address));
  if (!peer.mac.empty() && !is_mac(peer.mac))
    throw Error(fmt::format("{}: peer MAC '{}' is no hardware address", kind, peer.mac));
}

PortRange parse_port_range(const std::string& kind, const std::string& text) {
  const std::size_t dash = text.find('-');
  const auto first = port_of(std::string_view(text).substr(0, dash));
  const auto last =
      dash == std::string::npos ? first : port_of(std::string_view(text).substr(dash + 1));
  if (!first || !last || *last < *first)
    throw Error(
        fmt::format("{}: '{}' is no port; give a number from 1 to {} or a range as "
                    "8000-8010",
                    kind, text, highest_port));
  return {*first, *last};
}

std::vector<PortRange> parse_ports(const std::string& kind, const std::string& protocol,
                                   const std::vector<std::string>& texts) {
  if (!texts.empty() && protocol == "icmp")
    throw Error(fmt::format("{}: icmp has no ports; leave out 'ports' or choose tcp or udp", kind));
  std::vector<PortRange> ranges;
  for (const std::string& text : texts) ranges.push_back(parse_port_range(kind, text));
  // nft refuses a set whose ranges overlap, with words that name no parameter.
  std::vector<PortRange> sorted = ranges;
  std::ranges::sort(sorted, {}, &PortRange::first);
  for (std::size_t i = 1; i < sorted.size(); ++i)
    if (sorted[i].first <= sorted[i - 1].last)
      throw Error(fmt::format("{}: port {} is given twice in 'ports'", kind, sorted[i].first));
  return ranges;
}

Cut read_cut(const std::string& kind, PlacementReader& reader) {
  Cut cut;
  const std::string direction = reader.text_or("direction", "both");
  if (direction != "both" && direction != "in" && direction != "out")
    reader.refuse("direction", "must be 'both', 'in' or 'out'");
  cut.in = direction != "out";
  cut.out = direction != "in";
  cut.everybody = reader.boolean_or("everybody", false);
  for (const json::object& entry : reader.objects("peers")) {
    PlacementReader peer(kind, entry);
    cut.peers.push_back({peer.text("address"), peer.text_or_empty("mac")});
    peer.done();
    check_peer(kind, cut.peers.back());
  }
  if (!cut.everybody && cut.peers.empty())
    reader.refuse("peers", "must not be empty unless 'everybody' is true");
  cut.protocol = reader.text_or("protocol", "any");
  if (cut.protocol != "any" && cut.protocol != "tcp" && cut.protocol != "udp" &&
      cut.protocol != "icmp")
    reader.refuse("protocol", "must be 'any', 'tcp', 'udp' or 'icmp'");
  cut.ports = parse_ports(kind, cut.protocol, reader.texts_or_none("ports"));
  return cut;
}

json::object cut_json(const std::string& direction, bool everybody,
                      const std::vector<const kinds::StackHost*>& peers,
                      const std::string& protocol, const std::vector<std::string>& ports) {
  json::array list;
  for (const kinds::StackHost* host : peers)
    list.push_back(json::object{{"address", host->address}, {"mac", host->mac}});
  json::object parameters{{"direction", direction}, {"everybody", everybody}};
  parameters["peers"] = std::move(list);
  if (protocol != "any") parameters["protocol"] = protocol;
  if (!ports.empty()) parameters["ports"] = json::array(ports.begin(), ports.end());
  return parameters;
}

std::vector<std::string> flow_matches(const Cut& cut, bool in, bool on_link) {
  std::vector<std::string> matches;
  const std::vector<std::string> ends =
      cut.everybody ? std::vector<std::string>{on_link ? "meta protocol { ip, ip6 } " : ""}
                    : peer_matches(cut.peers, in, on_link);
  for (const std::string& end : ends)
    for (const std::string& ports : port_matches(cut)) matches.push_back(end + ports);
  return matches;
}

std::string link_chain(const std::string& kind, const NetworkDevice& device, bool in) {
  return fmt::format(
      "  chain {}_{} {{\n    type filter hook {} device {} priority {}; policy accept;\n",
      in ? "in" : "out", device.index, in ? "ingress" : "egress", quoted_device(kind, device.name),
      first_priority);
}

void provoke(const Cut& cut, std::size_t first) {
  const std::size_t count = std::min(asked_at_once, cut.peers.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& address = cut.peers[(first + i) % cut.peers.size()].address;
    if (cut.protocol == "icmp")
      send_echo_request(address);
    else if (cut.protocol != "udp")
      send_stray_ack(address, cut.ports.empty() ? any_port : cut.ports.front().first);
  }
}

}  // namespace nospof::faults
