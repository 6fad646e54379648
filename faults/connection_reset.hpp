#pragma once
// connection-reset: established TCP connections of a host end with a RST.

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kinds/fault.hpp"
#include "system/arp.hpp"
#include "system/tcp_sockets.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_connection_reset();

/// Which connections of a host are meant.
struct ConnectionChoice {
  std::set<std::string> addresses;  ///< IPv4 addresses of the other end
  std::set<int> ports;              ///< of the service; empty: all
  bool in = true;                   ///< those that others opened to this host
  bool out = true;                  ///< those that this host opened
};

/// The established connections among these sockets that are meant; pure. One that a socket listens
/// for at its local end was opened by the other side.
std::vector<TcpSocket> chosen_connections(const std::vector<TcpSocket>& sockets,
                                          const ConnectionChoice& choice);

/// Commands that add a table with flag `owner` that answers every packet of such a connection with
/// a RST to both ends; pure.
std::string reset_rules(const ConnectionChoice& choice, const std::string& table);

}  // namespace nospof::faults
