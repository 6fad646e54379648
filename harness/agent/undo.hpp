#pragma once
// Undo records are data; this is the one piece of code that executes them.

#include <string>
#include <vector>

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
///   restore-ruleset {ruleset, before, standing, standing_tables:[{family,table}]}
///                                       loads the host's own rules `ruleset` in one transaction,
///                                       in place of `standing_tables`, if the rules are what the
///                                       fault left (`standing`); never over what somebody else
///                                       changed
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
///   restore-files {service, marker, reload, files:[{path, temporary, content, mode, uid, gid,
///                  placed, in_place?}]}  files as they were (content and placed in hex), then the
///                                       service takes them (kinds/reload.hpp) or is started. Does
///                                       nothing when the marker is gone and no file is as placed
///   run-command {argv, timeout_ms}      an operator's own command; ends with 0 when it is undone
///   thaw-host {host}                    lets a frozen host go on, through HostPower
///   rejoin-host {host}                  lets frames through from and to a host, through HostPower
///   restore-file-limits {processes:[{pid,start_time,soft,hard,lowered}], cgroup?}
///                                       RLIMIT_NOFILE of those, and of what inherited a lowered
///                                       one
///   restore-control {file, old, ours}   a control group's file gets its old value, unless somebody
///                                       else has changed ours
///   dissolve-group {group, into}        its processes go to the other group; it is removed
///   remove-cgroup {cgroup}              what lives in it is killed; it is removed
///   packet-emulator {family, table, process}
///   packet-emulator {table, process}
///                                       a process that holds packets back goes with its owner;
///                                       waits for that, then kills it by its name, and checks that
///                                       its tables of that name are gone
///   delete-route {prefix, type}         exactly that route of nospof's own protocol number
///   restore-link {state, helper?}       link up, and what of `state` (system/link_state.hpp) is
///                                       missing put back; first waits for the helper to be gone
///   delete-address {device, address, label, helper?}
///                                       exactly that IPv4 address; then tells the neighbours who
///                                       answers for it now
///   restore-in-place {change}           the content of a file as it was, in the same inode
///                                       (system/in_place_file.hpp); not over somebody else's
///   helper-gone {helper}                waits up to 2 s for a helper process that dies with its
///                                       owner, then checks it is gone
/// Other fields of a record are ignored. Never throws: what cannot be undone is told in the result.
UndoResult execute_undo(const kinds::UndoRecord& record, kinds::HostEnv& env);

/// What a record puts back to a state that was saved ("file /etc/x", "the packet filter rules"):
/// two records of one thing must not be open at once. Empty for records that only remove what they
/// know for their own.
std::vector<std::string> things_restored(const kinds::UndoRecord& record);

/// Whether a record speaks of processes, which do not outlive their pid namespace. Such a record is
/// void after a reboot: the same numbers may belong to others.
bool speaks_of_processes(const kinds::UndoRecord& record);

/// Whether the calling process's network namespace has an nftables table of that family and name.
/// Throws Error when it cannot be asked.
bool has_nft_table(const std::string& family, const std::string& table);

}  // namespace nospof::agent
