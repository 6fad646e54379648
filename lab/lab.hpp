#pragma once
// A lab: a topology deployed on this machine, one set of namespaces per host, real daemons inside.
//
// The keeper is a process of its own and the parent of every host's pid 1, which dies with it
// (PR_SET_PDEATHSIG): kill the keeper and the kernel takes the whole lab away. It answers on a Unix
// socket in the lab's folder. A lab that belongs to a run ends when the process that started it is
// gone.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lab/certificate_files.hpp"
#include "spec/topology.hpp"
#include "system/process.hpp"

namespace nospof::lab {

/// Where labs keep their folders: $NOSPOF_STATE_DIR or /var/lib/nospof. A lab's folder is
/// <root>/labs/<name>.
std::string state_root();

/// Called with one line per step: what is being done, or which host or daemon is ready after how
/// long.
using Progress = std::function<void(const std::string& line)>;

struct UpOptions {
  std::string name;    ///< [a-z0-9-], at most 40 characters; must not be in use
  bool owned = false;  ///< true: the lab ends with the calling process
  Progress progress;
  std::chrono::milliseconds ready_deadline{60'000};
};

/// One host as it is now.
struct HostStatus {
  std::string name;
  bool on = false;
  pid_t init_pid = 0;  ///< pid 1 of the host, as this machine numbers it
  std::vector<std::string> services_up;
  std::vector<std::string> services_down;
  std::string detail;  ///< why it is off, if something is known
};

/// The namespaces of one host, held open. Enter them with SpawnOptions::namespaces.
class HostNamespaces {
 public:
  explicit HostNamespaces(pid_t init_pid);
  std::vector<NamespaceFd> list() const;  ///< uts, ipc, net, mnt, pid (pid last)

 private:
  std::vector<std::pair<UniqueFd, int>> entries_;
};

/// A lab that is up. Throws Error/SystemError that name the lab and the host.
class Lab {
 public:
  virtual ~Lab() = default;
  virtual const std::string& name() const = 0;
  virtual const std::string& folder() const = 0;
  /// The topology it was brought up from (its own copy).
  virtual const spec::Topology& topology() const = 0;
  virtual std::vector<HostStatus> status() = 0;
  virtual HostNamespaces enter(const std::string& host) = 0;  ///< throws Error when the host is off
  /// runit's service folder of a host, valid inside and outside of the host; and the parent of its
  /// services' cgroups.
  virtual std::string service_folder(const std::string& host) const = 0;
  virtual std::string cgroup_folder(const std::string& host) const = 0;
  /// A file system of the host's own, seen inside of the host only.
  virtual std::string data_folder(const std::string& host) const = 0;
  virtual std::string log_folder(const std::string& host) const = 0;
  virtual std::string journal_folder() const = 0;  ///< agents' journals
  virtual std::string authority_file(const std::string& authority) const = 0;
  /// Where a host's files are; the paths are the same inside and outside of it.
  virtual HostLayout host_layout(const std::string& host) const = 0;
  /// Issued now with the lab's keys; nothing is written.
  virtual IssuedCertificate issue_other_certificate(const std::string& host,
                                                    const std::string& service,
                                                    const OtherCertificate& other) const = 0;
  /// Template expressions in a check's words, rendered for a host.
  virtual std::vector<std::string> render_words(const std::string& host,
                                                const std::vector<std::string>& words) = 0;
  /// Fixed MAC address of a host's eth0.
  virtual std::string mac(const std::string& host) const = 0;
  /// Power. off(): at most that long, and no longer than this Lab object (its connection to the
  /// keeper) lives.
  virtual void power_off(const std::string& host, std::chrono::nanoseconds at_most) = 0;
  virtual void power_on(const std::string& host) = 0;
  /// Ends everything and removes cgroups and the folder. Safe to call twice.
  virtual void down() = 0;
};

/// Brings a topology up: keeper, switch, hosts in parallel, until one real request of the
/// topology's workload has passed end to end. When it fails, the error says which daemon on which
/// host with its last log lines, and nothing is left behind.
std::unique_ptr<Lab> bring_up(const spec::Topology& topology, const UpOptions& options);

/// Opens a lab that is up; throws Error when there is none of that name (naming those there are).
std::unique_ptr<Lab> open_lab(const std::string& name);

/// Ends a lab, also a dead one or one whose topology this version can't read any more. Returns what
/// it did; throws Error when there is none of that name or something could not be removed.
std::string end_lab(const std::string& name);

struct LabEntry {
  std::string name;
  std::string topology_file;
  bool alive = false;  ///< false: its keeper is gone, only the folder is left
};
std::vector<LabEntry> list_labs();

/// What sweeping did, a line per lab, and whether all of it worked.
struct SweepResult {
  std::vector<std::string> lines;
  bool complete = true;
};

/// Takes away what labs without a keeper left behind (folders, cgroups, stray processes in those
/// cgroups), or only what the one of that name did. Throws Error when it cannot begin.
SweepResult sweep_dead_labs(const std::string& only = {});

/// Entry point of the keeper process ("nospof lab-keeper FOLDER", started by bring_up). Returns the
/// exit code.
int keeper_main(const std::string& folder);

}  // namespace nospof::lab
