#pragma once
// What a host runs: rendered configuration, and a runit service folder per service that behaves as
// systemd would with the service's restart policy.

#include <map>
#include <string>
#include <vector>

#include "lab/render.hpp"
#include "spec/topology.hpp"

namespace nospof::lab {

struct ConfigFile {
  std::string path;  ///< absolute
  std::string text;
  bool executable = false;
};

/// One service of one host with everything rendered.
struct ServicePlan {
  std::string name;
  std::vector<std::string> command;
  std::vector<std::vector<std::string>> prepare;
  std::map<std::string, std::string> environment;
  std::string user;
  spec::RestartPolicy restart = spec::RestartPolicy::no;
  spec::Duration restart_delay{};
  std::string stop_signal;
  spec::KillMode kill_mode = spec::KillMode::control_group;
  int start_limit_burst = 0;  ///< 0: no limit
  spec::Duration start_limit_interval{};
  std::vector<ConfigFile> files;
};

struct HostPlan {
  std::string host;
  HostLayout layout;
  std::string hosts_file;  ///< text of /etc/hosts
  std::string ruleset;     ///< text for nft -f
  std::vector<ServicePlan> services;
};

/// Renders everything for all hosts of the topology, in their order, with one child process. Throws
/// Error: a template is wrong, two services of a host write the same file, a user does not exist on
/// this machine.
std::vector<HostPlan> plan_hosts(const Facts& facts);

/// Renders whatever a lab of the topology would, its checks' words too, with secrets of no use, and
/// forgets it. Throws Error, a line for each problem. The machine needs none of its users.
void try_templates(const spec::Topology& topology);

/// Text of /etc/hosts, the same for all hosts: all hosts and the VIPs' DNS names.
std::string hosts_file_text(const spec::Topology& topology);

/// Writes a host's files (hosts_file, nft_file, etc/, sv/); makes data/ and log/ when they are
/// missing. What stood in etc/ (but tls/) and sv/ goes first. The host must be off: runit must not
/// watch sv/. `cgroup_folder`: the host's cgroup (cgroup2), visible inside the host at the same
/// path; each service gets <cgroup_folder>/svc-<name>, which is made here and again by the service
/// when it is missing.
void write_host(const HostPlan& plan, const std::string& cgroup_folder);

/// The cgroup of one service.
std::string service_cgroup(const std::string& cgroup_folder, const std::string& service);

/// Writes one service's folder (run, finish, control/t) for runsvdir. write_host does it for each.
void write_service_folder(const ServicePlan& service, const std::string& service_folder,
                          const std::string& log_file, const std::string& cgroup);

}  // namespace nospof::lab
