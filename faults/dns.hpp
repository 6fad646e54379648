#pragma once
// dns: a host's names don't resolve, or only slowly.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_dns();

enum class DnsMode { nxdomain, timeout, slow };
/// Throws Error on an unknown name.
DnsMode dns_mode_of(const std::string& name);
const char* name_of(DnsMode mode);

/// The values of one host.
struct DnsSettings {
  DnsMode mode = DnsMode::nxdomain;
  std::chrono::milliseconds delay{0};  ///< for slow
  std::vector<std::string> names;      ///< patterns; empty: all
  std::vector<std::string> servers;    ///< IPv4; empty: those in /etc/resolv.conf
};

/// The host's queries meet a responder of ours (dns_resolver.cpp).
std::unique_ptr<kinds::Injection> prepare_dns_resolver(const DnsSettings& settings,
                                                       const kinds::HostEnv& env);
/// The names are not in /etc/hosts any more (dns_hosts.cpp).
std::unique_ptr<kinds::Injection> prepare_dns_hosts(const DnsSettings& settings,
                                                    const kinds::HostEnv& env);

/// The IPv4 and IPv6 addresses behind "nameserver" in the text of a resolv.conf; pure.
std::vector<std::string> name_servers_in(const std::string& resolv_conf);

/// Commands that send the host's queries for these servers to ports on the loopback, but for those
/// that carry `mark`; in a connection tracking zone of their own, so that what was tracked before
/// is hit too. Pure.
struct RedirectedServer {
  std::string address;
  int udp_port = 0, tcp_port = 0;
};
std::string dns_rules(const std::vector<RedirectedServer>& servers, std::uint32_t mark,
                      std::uint16_t zone, const std::string& table);

/// The text of a hosts file without names that are meant. Without patterns all go but those of
/// loopback and multicast addresses. Pure.
struct HostsWithout {
  std::string text;
  std::vector<std::string> removed;  ///< names, each once
};
HostsWithout hosts_without(const std::string& text, const std::vector<std::string>& patterns);

}  // namespace nospof::faults
