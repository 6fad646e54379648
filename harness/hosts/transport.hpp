#pragma once
// How a host is reached: start `nospof ...` there and talk over its stdin and stdout. Nothing
// listens anywhere.

#include <memory>
#include <string>
#include <vector>

#include "kinds/fault.hpp"
#include "lab/lab.hpp"
#include "spec/topology.hpp"
#include "system/process.hpp"

namespace nospof::hosts {

/// A program of ours on a host.
struct RemoteProcess {
  UniqueFd to_stdin;
  UniqueFd from_stdout;
  Child child;  ///< the local end: the process itself in a lab, ssh(1) for ssh
};

/// The pseudo-host of the agent that has power over the others; it runs outside of every host.
inline constexpr const char* power_host = "@power";

class Transport {
 public:
  virtual ~Transport() = default;
  /// Starts this program with the given arguments on `host` (or on power_host). Throws Error naming
  /// the host.
  virtual RemoteProcess start(const std::string& host,
                              const std::vector<std::string>& arguments) = 0;
};

/// Transport into a running lab. `lab` must outlive it.
std::unique_ptr<Transport> lab_transport(lab::Lab& lab);

/// Arguments that make the agent of a lab host or of power_host ("agent --host db1 --runit DIR
/// --cgroup DIR --journal FILE").
std::vector<std::string> lab_agent_arguments(const lab::Lab& lab, const std::string& host);

/// Signs certificates with the keys of a lab, which must outlive it.
std::shared_ptr<const kinds::CertificateSigner> lab_signer(const lab::Lab& lab);

/// Power over the hosts of a lab, through its keeper. Opens the lab by name.
std::unique_ptr<kinds::HostPower> lab_power(const std::string& lab_name);

}  // namespace nospof::hosts
