#include "faults/netem_scope_parameters.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <arpa/inet.h>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "system/check.hpp"

namespace nospof::faults {

namespace {

using Direction = NetemScope::Direction;
using Protocol = NetemScope::Protocol;

template <typename E, std::size_t N>
using Names = std::array<std::pair<E, const char*>, N>;

constexpr Names<Direction, 3> directions = {
    {{Direction::egress, "egress"}, {Direction::ingress, "ingress"}, {Direction::both, "both"}}};
constexpr Names<Protocol, 4> protocols = {{{Protocol::any, "all"},
                                           {Protocol::tcp, "tcp"},
                                           {Protocol::udp, "udp"},
                                           {Protocol::icmp, "icmp"}}};
constexpr std::size_t most_ports = 64;

template <typename E, std::size_t N>
const char* name_of(const Names<E, N>& names, E value) {
  for (const auto& [each, name] : names)
    if (each == value) return name;
  return "";
}

template <typename E, std::size_t N>
std::optional<E> value_of(const Names<E, N>& names, const std::string& text) {
  for (const auto& [each, name] : names)
    if (text == name) return each;
  return std::nullopt;
}

template <typename E, std::size_t N>
std::vector<std::string> all_of(const Names<E, N>& names) {
  std::vector<std::string> list;
  for (const auto& [each, name] : names) list.emplace_back(name);
  return list;
}

std::optional<std::uint16_t> port_from(const std::string& text) {
  std::uint16_t port = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, port);
  if (error != std::errc{} || end != last || port == 0) return std::nullopt;
  return port;
}

// Says what does not go together; empty when all does.
std::string contradiction(const NetemScope& scope) {
  if (scope.protocol == Protocol::icmp && !scope.ports.empty()) return "ICMP has no ports";
  if (scope.ports.size() > most_ports)
    return fmt::format("{} ports are too many; at most {}", scope.ports.size(), most_ports);
  return {};
}

json::array texts(const std::vector<std::string>& values) {
  return json::array(values.begin(), values.end());
}

std::vector<std::string> take_addresses(PlacementReader& reader, const char* name) {
  const std::vector<std::string> addresses = reader.texts_or_none(name);
  for (const std::string& address : addresses) {
    in_addr parsed{};
    if (::inet_pton(AF_INET, address.c_str(), &parsed) != 1)
      reader.refuse(name, fmt::format("has '{}', which is no IPv4 address", address));
  }
  return addresses;
}

template <typename E, std::size_t N>
E take_named(PlacementReader& reader, const char* name, const Names<E, N>& names, E fallback) {
  const std::string text = reader.text_or(name, name_of(names, fallback));
  const auto value = value_of(names, text);
  if (!value)
    reader.refuse(name, fmt::format("must be one of: {}", fmt::join(all_of(names), ", ")));
  return *value;
}

}  // namespace

std::vector<spec::ParameterInfo> scope_parameters() {
  using Type = spec::ParameterType;
  return {
      {"direction", Type::text, false, "egress", all_of(directions),
       "Which way, as the targets see their own traffic.", false},
      {"peers",
       Type::text_list,
       false,
       "",
       {},
       "Hosts whose traffic with the targets is meant; left out: everybody's.",
       true},
      {"ports",
       Type::text_list,
       false,
       "",
       {},
       "TCP or UDP ports, of either end; left out: all.",
       false},
      {"protocol", Type::text, false, "all", all_of(protocols), "Which protocol is meant.", false}};
}

NetemScope netem_scope(const spec::KindInfo& info, const PlanReader& given,
                       const kinds::StackHost& target, const kinds::StackView& stack) {
  NetemScope scope;
  scope.direction = value_of(directions, given.text("direction")).value_or(Direction::egress);
  scope.protocol = value_of(protocols, given.text("protocol")).value_or(Protocol::any);
  for (const std::string& name : given.texts("peers")) {
    if (name == target.name)
      throw Error(fmt::format("{}: host '{}' can't be its own peer", info.name, name));
    scope.peers.push_back(stack.host(name).address);
  }
  for (const std::string& text : given.texts("ports")) {
    const auto port = port_from(text);
    if (!port)
      throw Error(
          fmt::format("{}: parameter 'ports': '{}' is no port from 1 to 65535", info.name, text));
    scope.ports.push_back(*port);
  }
  if (const std::string why = contradiction(scope); !why.empty())
    throw Error(fmt::format("{}: {}", info.name, why));
  scope.neighbours = scope.peers;
  if (scope.neighbours.empty())
    for (const kinds::StackHost& other : stack.hosts)
      if (other.name != target.name) scope.neighbours.push_back(other.address);
  return scope;
}

void put_scope(json::object& parameters, const NetemScope& scope) {
  parameters["direction"] = name_of(directions, scope.direction);
  parameters["protocol"] = name_of(protocols, scope.protocol);
  parameters["peers"] = texts(scope.peers);
  parameters["neighbours"] = texts(scope.neighbours);
  std::vector<std::string> ports;
  for (const std::uint16_t port : scope.ports) ports.push_back(std::to_string(port));
  parameters["ports"] = texts(ports);
}

NetemScope take_scope(PlacementReader& reader) {
  NetemScope scope;
  scope.direction = take_named(reader, "direction", directions, Direction::egress);
  scope.protocol = take_named(reader, "protocol", protocols, Protocol::any);
  scope.peers = take_addresses(reader, "peers");
  scope.neighbours = take_addresses(reader, "neighbours");
  for (const std::string& text : reader.texts_or_none("ports")) {
    const auto port = port_from(text);
    if (!port) reader.refuse("ports", fmt::format("has '{}', which is no port", text));
    scope.ports.push_back(*port);
  }
  if (const std::string why = contradiction(scope); !why.empty())
    reader.refuse("ports", "don't fit: " + why);
  return scope;
}

std::string scope_text(const NetemScope& scope, const std::string& host,
                       const std::vector<std::string>& peers) {
  const char* way = scope.direction == Direction::egress    ? "outgoing traffic"
                    : scope.direction == Direction::ingress ? "incoming traffic"
                                                            : "traffic, in and out,";
  const char* towards = scope.direction == Direction::egress    ? "to"
                        : scope.direction == Direction::ingress ? "from"
                                                                : "from and to";
  std::string text = fmt::format("{} of {}", way, host);
  if (!peers.empty()) text += fmt::format(" {} {}", towards, fmt::join(peers, ", "));
  if (scope.protocol == Protocol::tcp) text += ", TCP";
  if (scope.protocol == Protocol::udp) text += ", UDP";
  if (scope.protocol == Protocol::icmp) text += ", ICMP";
  if (!scope.ports.empty())
    text += fmt::format(", port{} {}", scope.ports.size() == 1 ? "" : "s",
                        fmt::join(scope.ports, ", "));
  return text;
}

}  // namespace nospof::faults
