#pragma once
// The probes that look at the stack all the time, beside the workload: which ones a topology calls
// for, and their probers on its hosts.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "control/clock_book.hpp"
#include "control/interrupt.hpp"
#include "control/prober_client.hpp"
#include "control/recorder.hpp"
#include "hosts/transport.hpp"
#include "spec/topology.hpp"

namespace nospof::control {

/// One probe on one host.
struct Observer {
  std::string host;
  ProbeOrder probe;
  /// No cell is over before it has looked at what the healing left.
  bool after_healing = false;
};

/// The certificate of a service on a host, as deployed.
struct DeployedCertificate {
  std::string certificate_file;
  std::string key_file;
  std::string public_key;  ///< SHA-256 of it (SubjectPublicKeyInfo), hex
};

/// What only the deployed stack knows.
struct Deployment {
  /// Bytes that every request of the workload carries, and that nobody else sends.
  std::string marker;
  std::function<std::string(const std::string& authority)> authority_file;
  std::function<DeployedCertificate(const std::string& host, const std::string& service)>
      certificate;
};

/// All that a topology calls for:
/// - "plaintext-canary" and "connections" on every host of the stack;
/// - "firewall" on every host: each TCP port that anything listens on, on each other host;
/// - "tls-path" on every host from which a TLS hop begins;
/// - "vip-own" on every host that may own a VIP, "vip-link" where users are;
/// - "monitoring" on every host with a Prometheus server;
/// - "ledger" where the workload comes from, if it has a page to audit it by.
std::vector<Observer> observers_of(const spec::Topology& topology, const Deployment& deployment);

/// Runs them: one prober on each host, started again when its host comes back. What they say is
/// recorded; that one is gone is recorded, and is nobody's error.
class ObserverTeam {
 public:
  ObserverTeam(asio::io_context& context, Interruption& interruption, hosts::Transport& transport,
               Recorder& recorder, ClockBook& clocks);
  ~ObserverTeam();

  /// Throws Error naming the host when one of them cannot run at all.
  asio::awaitable<void> start(const std::vector<Observer>& observers);
  /// Ends them all and waits for it.
  asio::awaitable<void> stop();
  /// Whether each that is to look after a healing at `healed_ns` has, and could tell something.
  bool looked_since(std::int64_t healed_ns) const;

 private:
  using Orders = std::vector<ProbeOrder>;
  asio::awaitable<std::unique_ptr<ProberClient>> connect(const std::string& host,
                                                         const Orders& orders);
  asio::awaitable<void> keep_running(std::string host, Orders orders);
  void record(const std::string& host, const std::string& state, const std::string& detail);
  ProberEvents events_of(const std::string& host);
  void record_decided(const std::string& host, const std::string& of,
                      const std::vector<std::size_t>& places);

  asio::io_context& context_;
  Interruption& interruption_;
  hosts::Transport& transport_;
  Recorder& recorder_;
  ClockBook& clocks_;
  std::map<std::string, std::unique_ptr<ProberClient>> probers_;
  /// By host and name, of those that are to look after healing: when the last look began that told
  /// something.
  std::map<std::pair<std::string, std::string>, std::int64_t> looked_ns_;
  /// By host and name, of those that tell what they expect: what was recorded as decided.
  std::map<std::pair<std::string, std::string>, std::vector<bool>> decided_;
  std::size_t keepers_ = 0;
  bool stopping_ = false;
};

}  // namespace nospof::control
