#pragma once
// Undo records are data; this is the one piece of code that executes them.

#include <string>

#include "kinds/fault.hpp"

namespace nospof::agent {

struct UndoResult {
  bool done = false;     ///< the state is as if it had never been changed
  bool changed = false;  ///< something really had to be taken back
  std::string detail;
};

/// Operations ("op"):
///   nft-owned-table {family, table}     the kernel removes it with its owner; waits up to 1 s,
///   then
///                                       checks it is gone
///   root-qdisc {device, index, kind, handle}
///                                       removes that qdisc from the device's root, where the
///                                       kernel's default comes back
///   redirect {device, index, hook, mark, ifb, own_clsact}
///                                       removes the filters with that mark, the clsact qdisc if it
///                                       was ours and nobody's filters are left in it, and the ifb
///                                       device
///   continue-processes {processes:[{pid,start_time}], cgroup?, service?}
///                                       SIGCONT to those, and to whatever is stopped in the cgroup
///                                       (path of its folder) or in the service's cgroup
///   start-service {service}             back under supervision and started, through the host's
///                                       ServiceManager
///   power-on {host}                     boots a host, through HostPower
///   packet-emulator {table, process}
///                                       a process that holds packets back goes with its owner;
///                                       waits for that, then kills it by its name, and checks that
///                                       its tables of that name are gone
/// Other fields of a record are ignored. Never throws: what cannot be undone is told in the result.
UndoResult execute_undo(const kinds::UndoRecord& record, kinds::HostEnv& env);

/// Whether a record speaks of processes, which do not outlive their pid namespace. Such a record is
/// void after a reboot: the same numbers may belong to others.
bool speaks_of_processes(const kinds::UndoRecord& record);

/// Whether the calling process's network namespace has an nftables table of that family and name.
/// Throws Error when it cannot be asked.
bool has_nft_table(const std::string& family, const std::string& table);

}  // namespace nospof::agent
