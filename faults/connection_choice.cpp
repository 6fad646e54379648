#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "faults/connection_reset.hpp"
#include "faults/owned_table.hpp"

namespace nospof::faults {

namespace {

// A packet that belongs to a connection both ends of which are there: neither its first nor last.
constexpr const char* established = "tcp flags & (fin | syn | rst | ack) == ack";

std::string ports_match(const char* end, const std::set<int>& ports) {
  return ports.empty() ? std::string()
                       : fmt::format(" tcp {} {{ {} }}", end, fmt::join(ports, ", "));
}

}  // namespace

std::vector<TcpSocket> chosen_connections(const std::vector<TcpSocket>& sockets,
                                          const ConnectionChoice& choice) {
  const auto is_accepted = [&sockets](const TcpSocket& connection) {
    return std::any_of(sockets.begin(), sockets.end(), [&connection](const TcpSocket& other) {
      return other.listening && other.local_port == connection.local_port &&
             (other.local == connection.local || other.local == "0.0.0.0");
    });
  };
  std::vector<TcpSocket> chosen;
  for (const TcpSocket& socket : sockets) {
    if (socket.listening || !choice.addresses.contains(socket.remote)) continue;
    const bool accepted = is_accepted(socket);
    if (accepted ? !choice.in : !choice.out) continue;
    const int port = accepted ? socket.local_port : socket.remote_port;
    if (choice.ports.empty() || choice.ports.contains(port)) chosen.push_back(socket);
  }
  return chosen;
}

std::string reset_rules(const ConnectionChoice& choice, const std::string& table) {
  const std::string addresses = fmt::format("{}", fmt::join(choice.addresses, ", "));
  // At these hooks the kernel can send the RST; their answers must not come back here again.
  std::string input;
  std::string output;
  const auto add = [&](bool from_others) {
    // The service's port is ours in a connection that others opened.
    input += fmt::format("    ip saddr {{ {} }}{} {} counter reject with tcp reset\n", addresses,
                         ports_match(from_others ? "dport" : "sport", choice.ports), established);
    output += fmt::format("    ip daddr {{ {} }}{} {} counter reject with tcp reset\n", addresses,
                          ports_match(from_others ? "sport" : "dport", choice.ports), established);
  };
  if (choice.in) add(true);
  if (choice.out && !(choice.in && choice.ports.empty())) add(false);
  return fmt::format(
      "table ip {} {{\n  flags owner\n"
      "  chain in {{\n    type filter hook input priority {}; policy accept;\n{}  }}\n"
      "  chain out {{\n    type filter hook output priority {}; policy accept;\n{}  }}\n}}\n",
      table, first_priority, input, first_priority, output);
}

}  // namespace nospof::faults
