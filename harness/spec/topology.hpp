#pragma once
// The deployed stack, as plain structs. Filled by reader.hpp from YAML and checked there: whoever
// holds a Topology may rely on every name in it meaning something. docs/topology.md explains each
// field.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "spec/units.hpp"

namespace nospof::spec {

/// Where something stands in a file, for errors and findings. Lines and columns count from 1.
struct Mark {
  int line = 0;
  int column = 0;
};

enum class TransportKind { lab, ssh, container };

/// What a host costs; used by `compare` and by budgets.
struct Cost {
  std::optional<Money> hardware, setup, power, maintenance, administration;
};

/// What a lab host may use at most of this machine.
struct HostLimits {
  Size disk{1ULL << 30U};        ///< its data folder is a file system of that size
  std::optional<Size> memory;    ///< of its processes; nothing: no limit
  std::optional<int> processes;  ///< and threads; nothing: no limit
  std::optional<Percent> cpu;    ///< of this machine's CPU time; nothing: no limit
};

/// How often something fails, and how long it then stays down, on average. Nothing: what the
/// topology's `reliability` says of its sort.
struct MeanTimes {
  std::optional<Duration> mtbf;  ///< between two failures
  std::optional<Duration> mttr;  ///< until it is repaired or replaced
};

struct Host {
  std::string name;
  std::string address;  ///< IPv4, dotted
  std::string zone;     ///< empty: none
  TransportKind transport = TransportKind::lab;
  std::string ssh_destination;        ///< for transport ssh: what is given to ssh(1)
  std::vector<std::string> services;  ///< names into Topology::services, in start order
  bool observer = false;              ///< measures only: not part of the stack, never a target
  HostLimits limits;
  Cost cost;
  Mark mark;
  MeanTimes times = {};
};

/// k-of-n: the tier serves while at least `needs` of its hosts do.
struct Tier {
  std::string name;
  std::vector<std::string> hosts;
  int needs = 1;
  Mark mark;
  int acknowledged_by = 0;  ///< of a database: hosts that have a write before users are told that
                            ///< it was made; 0: the topology does not tell
};

/// systemd's Restart=, with the same meaning (systemd.service(5)).
enum class RestartPolicy { no, on_failure, on_abnormal, on_abort, always };

/// What is said on a connection before TLS begins.
enum class StartTls { none, mysql, postgresql };

/// A certificate for the service on each of its hosts: <etc>/tls/<service>.crt and .key.
struct ServiceTls {
  std::string identity;   ///< the DNS name that clients verify, e.g. "app.nospof.test"
  std::string authority;  ///< name into Topology::authorities
  std::vector<std::string>
      names;          ///< further subject alternative names; host names and address are always in
  std::string owner;  ///< user that owns the key file; empty: the service's user
  StartTls starttls = StartTls::none;
};

/// What is done to the other processes of a service when its main process has ended; systemd's
/// KillMode=: the stop signal and later KILL, KILL at once, nothing.
enum class KillMode { control_group, mixed, process };

struct Service {
  std::string name;
  std::string title;
  std::vector<std::string> command;  ///< argv; template expressions are allowed in each word
  std::vector<std::vector<std::string>>
      prepare;  ///< argvs run as root before each start (ExecStartPre=)
  std::string user = "root";
  std::map<std::string, std::string> environment;  ///< template expressions are allowed in values
  std::vector<std::string>
      files;  ///< templates beside the topology, rendered to {{ etc }}/<name without .j2>
  RestartPolicy restart = RestartPolicy::no;
  Duration restart_delay{100'000'000};  ///< RestartSec=; systemd's default is 100 ms
  std::string stop_signal = "TERM";
  KillMode kill_mode = KillMode::control_group;
  /// StartLimitBurst= and StartLimitIntervalSec=: after so many starts within that time it stays
  /// down; no limit when either is 0.
  int start_limit_burst = 5;
  Duration start_limit_interval{10'000'000'000};
  /// How it takes changed files while it runs: a command, or a signal to its main process. Neither:
  /// it reads them by itself.
  std::vector<std::string> reload;  ///< argv run as root; template expressions as in a check
  std::string reload_signal;
  std::vector<std::string> listens;  ///< "443/tcp"
  std::optional<ServiceTls> tls;
  Mark mark;
  /// Whether users need it on each of its hosts; nothing: found out from flows and tiers
  /// (docs/plan.md).
  std::optional<bool> needed;
  MeanTimes times = {};
};

struct Vip {
  std::string name;
  std::string address;
  std::string dns_name;             ///< what clients call it, e.g. "www.nospof.test"
  std::vector<std::string> owners;  ///< hosts that may hold it
  Mark mark;
};

enum class Protocol { tcp, udp, icmp, vrrp };

/// One allowed kind of traffic. Whatever no flow allows is forbidden.
struct Flow {
  std::vector<std::string> from;  ///< host names, already expanded from tiers
  std::vector<std::string> to;    ///< host names, expanded; for a VIP its owners
  std::string to_vip;             ///< set when the flow is to a VIP
  Protocol protocol = Protocol::tcp;
  std::vector<int> ports;  ///< empty for icmp and vrrp
  Mark mark;
};

struct Authority {
  std::string name;
  Duration valid = std::chrono::hours(24 * 30);
  Mark mark;
  bool intermediate = false;  ///< certificates are signed by one that the authority signed
};

/// One TLS connection of the stack: who ends it, as whom, and who vouches.
struct TlsHop {
  std::string name;
  std::vector<std::string> from;  ///< hosts, expanded
  std::vector<std::string> to;    ///< hosts that terminate TLS, expanded
  std::string via;                ///< tier or VIP that only passes it through; empty: direct
  int port = 0;
  std::string identity;             ///< DNS name that the client must find in the certificate
  std::string authority;            ///< name into authorities
  bool client_certificate = false;  ///< the server must demand one
  bool http = true;                 ///< what is spoken inside of it
  Mark mark;
};

/// A command that is run on hosts, and what it must answer.
struct Check {
  std::vector<std::string> exec;  ///< argv; template expressions are allowed
  std::string stdout_matches;     ///< ECMAScript regular expression searched in stdout; empty: exit
                                  ///< code 0 is enough
  Duration timeout = std::chrono::seconds(2);
};

/// A role that moves: found by running a check on each candidate. "db.leader", "lb.vip-owner".
struct Role {
  std::string name;
  std::vector<std::string> among;
  Check check;
  Mark mark;
};

/// What must be true before the stack counts as redundant again.
struct RedundancyCheck {
  std::string name;
  std::vector<std::string> on;  ///< hosts, expanded
  int needs = 0;                ///< on how many of them it must hold; 0: all
  Check check;
  Mark mark;
};

/// A dependency that several components share and that the hosts alone do not show.
struct SharedDependency {
  std::string name;
  std::string kind;  ///< network-segment, certificate-authority, dns, power, configuration,
                     ///< software, monitoring
  std::vector<std::string> used_by;  ///< hosts, expanded
  bool tested = false;  ///< whether a proof breaks it; else it is reported as an assumption
  std::string note;
  Mark mark;
  MeanTimes times = {};
};

/// Components of one kind that can fail together by one cause, a bug in their software for
/// instance: the beta-factor model.
struct CommonCause {
  std::string name;
  std::vector<std::string> on;  ///< hosts, expanded
  std::string service;          ///< the service on each of them; empty: the hosts themselves
  Percent beta;                 ///< share of their failures that hits all of them at once
  std::string note;
  Mark mark;
};

/// What users do with the stack, and which tiers that takes.
struct UserFunction {
  std::string name;                   ///< "read", "write"
  std::vector<std::string> tiers;     ///< empty: those that traffic of the workload reaches
  std::vector<std::string> majority;  ///< of them: more than half of the hosts must serve
  std::vector<std::string> any;       ///< of them: one host that serves is enough
  Mark mark;
};

/// Mean times of each sort of component, where the component itself says nothing. The defaults are
/// orders of magnitude, there to compare designs with, and were not measured.
struct Reliability {
  MeanTimes host{std::chrono::hours(24 * 365), std::chrono::hours(4)};
  MeanTimes service{std::chrono::hours(24 * 90), std::chrono::minutes(10)};
  MeanTimes link{std::chrono::hours(24 * 1825), std::chrono::hours(4)};
  MeanTimes zone{std::chrono::hours(24 * 1825), std::chrono::hours(4)};
  MeanTimes shared{std::chrono::hours(24 * 1825), std::chrono::hours(4)};
};

enum class ConnectionMode { fresh, keep_alive };

/// The traffic that says whether users are served.
struct Workload {
  std::string from;  ///< an observer host
  std::string url;   ///< "{id}" and "{token}" are replaced for every request
  std::string vip;   ///< the VIP whose address the URL's host name has; empty: resolved on the host
  std::string authority;
  Rate rate{50};
  ConnectionMode connection = ConnectionMode::fresh;
  Duration timeout = std::chrono::seconds(3);
  Duration slow = std::chrono::seconds(1);  ///< an answer later than this does not count as served
  int expect_status = 200;
  std::string expect_body;  ///< must be contained; "{id}" and "{token}" are replaced
  /// Page that tells what is stored: "{ids}" is replaced by ids, a comma between them. Empty: there
  /// is none, and nobody can tell whether writes were lost.
  std::string audit_url;
  Mark mark;
};

/// Where the stack's own monitoring answers: a Prometheus server on each of these hosts.
struct Monitoring {
  std::vector<std::string> on;  ///< hosts, expanded
  int port = 9090;              ///< https
  std::string authority;
  std::string host_label;   ///< label that has a host's name, in alerts and series
  std::string hosts_query;  ///< PromQL: at least one series for every host that is watched
  /// Services of which one on each host tells the monitoring about it; empty: found out
  /// (docs/structure-checks.md).
  std::vector<std::string> exporters;
  Mark mark;
};

struct Slo {
  Duration outage_budget =
      std::chrono::seconds(10);  ///< longest outage that still counts as survived
  Percent availability{0.999};
};

/// How much may be broken at the same time. Nothing goes beyond it, be it a proof or an experiment.
struct Limits {
  int hosts = 1000;                          ///< of the whole topology
  Percent tier_share{1.0};                   ///< of the hosts of one tier
  std::vector<std::string> protected_hosts;  ///< never broken; host names, expanded
};

/// How `nospof prove` paces its cells.
struct ProveSettings {
  Duration baseline = std::chrono::seconds(1);
  Duration hold = std::chrono::seconds(3);  ///< a fault lasts at least this long
  Duration settle =
      std::chrono::seconds(1);  ///< recovered means: served without a failure for this long
  Duration recovery_deadline = std::chrono::seconds(60);
};

struct Topology {
  std::string name;
  std::string title;
  std::string file;    ///< path it was read from
  std::string folder;  ///< where its templates are
  std::string sha256;  ///< of the file and of all templates it names, hex
  std::string subnet;  ///< "198.18.0.0/24"
  std::string domain;
  std::vector<std::string> zones;
  std::vector<Host> hosts;
  std::vector<Tier> tiers;
  std::vector<Vip> vips;
  std::vector<Service> services;
  std::vector<Flow> flows;
  std::vector<Authority> authorities;
  std::vector<TlsHop> tls_hops;
  std::vector<Role> roles;
  std::vector<RedundancyCheck> redundancy;
  std::vector<SharedDependency> shared;
  std::vector<CommonCause> common_causes;
  std::vector<UserFunction> functions;
  Reliability reliability;
  std::vector<std::string> secrets;              ///< names; a lab makes a random value for each
  std::map<std::string, std::string> variables;  ///< constants for templates
  Workload workload;
  std::optional<Monitoring> monitoring;
  Slo slo;
  Limits limits;
  ProveSettings prove;

  const Host* find_host(const std::string& wanted) const;
  const Service* find_service(const std::string& wanted) const;
  const Tier* find_tier(const std::string& wanted) const;
  const Vip* find_vip(const std::string& wanted) const;
  const Role* find_role(const std::string& wanted) const;
  /// The TLS hop that a service of a host ends (the first, if there are several), or nullptr.
  const TlsHop* hop_ended_by(const std::string& service, const std::string& host) const;
  /// The tier a host is in, or nullptr.
  const Tier* tier_of(const std::string& host) const;
};

}  // namespace nospof::spec
