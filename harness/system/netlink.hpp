#pragma once
// Links, addresses and routes of one network namespace, through libnl-route in process: no ip(8) is
// started.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct nl_sock;

namespace nospof {

struct LinkInfo {
  int index = 0;
  std::string name;
  std::string kind;  ///< "veth", "bridge", ...; empty for plain devices
  std::string mac;   ///< "02:00:c6:12:00:0b"; empty: none
  int master = 0;    ///< index of the bridge that it is a port of; 0: none
  bool up = false;   ///< as the administrator wants it
  friend bool operator==(const LinkInfo&, const LinkInfo&) = default;
};

struct AddressInfo {
  std::string link;
  std::string address;  ///< with its prefix length: "198.18.0.11/24", "fe80::1/64"
  friend bool operator==(const AddressInfo&, const AddressInfo&) = default;
};

struct RouteInfo {
  std::string destination;  ///< "default" or "198.18.0.0/24"
  std::string gateway;      ///< empty: none
  std::string link;         ///< empty: none
  unsigned table = 0;
  unsigned type = 0;  ///< RTN_UNICAST, ...
  friend bool operator==(const RouteInfo&, const RouteInfo&) = default;
};

/// A pair of virtual Ethernet devices whose other end lies in another namespace.
struct VethPair {
  std::string name;            ///< this end
  std::string master;          ///< bridge that this end becomes a port of; empty: none
  std::string peer_name;       ///< the other end
  std::string peer_mac;        ///< empty: random
  int peer_namespace_fd = -1;  ///< network namespace of the other end; -1: this one
};

/// One rtnetlink socket. It acts in the network namespace that the calling thread was in when it
/// was made, whatever thread uses it later. Errors are thrown as Error and name the device.
/// Not for use by two threads at once.
class Netlink {
 public:
  Netlink();
  /// Made inside that network namespace.
  static Netlink in(int network_namespace_fd);

  /// A bridge that forwards at once: no spanning tree, no forward delay, no multicast snooping.
  void add_bridge(const std::string& name);
  /// This end is set up, the other one stays down.
  void add_veth(const VethPair& pair);
  /// `address`: "198.18.0.11/24".
  void add_address(const std::string& link, const std::string& address);
  void set_up(const std::string& link, bool up);
  /// Makes it a port of a bridge; with an empty name it is a port of none any more.
  void set_master(const std::string& port, const std::string& bridge);
  bool is_port(const std::string& link);
  /// Deletes a link (of a veth pair both ends). Returns false when there is none of that name.
  bool delete_link(const std::string& link);
  bool has_link(const std::string& link);

  /// In the kernel's order.
  std::vector<LinkInfo> links();
  std::vector<AddressInfo> addresses();
  std::vector<RouteInfo> routes();

 private:
  struct Free {
    void operator()(nl_sock* socket) const noexcept;
  };
  int index_of(const std::string& link);
  std::unique_ptr<nl_sock, Free> socket_;
};

}  // namespace nospof
