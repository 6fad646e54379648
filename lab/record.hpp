#pragma once
// What is known of a lab on disk: its record, and whether somebody still stands behind it.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lab/layout.hpp"
#include "system/fd.hpp"
#include "system/process.hpp"

namespace nospof::lab {

/// Written before anything of a lab is made, so that whoever finds the folder can remove the rest.
struct LabRecord {
  std::string name;
  std::string topology_file;  ///< what it was brought up from
  std::string topology_copy;  ///< the same file in the lab's folder
  std::string cgroup;         ///< folder of the lab's cgroup
  std::map<std::string, std::string> secrets;
  /// Its folders under the controllers of the old hierarchies (cgroup v1).
  std::vector<std::string> limit_groups = {};
};

void write_record(const Layout& layout, const LabRecord& record);
/// Throws SystemError/Error when there is none or it can't be read.
LabRecord read_record(const Layout& layout);

/// The cgroup of a lab: <cgroup2>/nospof/<name>; with a suffix made from `root` unless that is the
/// default, so that labs of one name under two roots don't meet.
std::string lab_cgroup(const std::string& cgroup2, const std::string& root,
                       const std::string& name);

/// Throws Error unless the name is [a-z0-9-], 1 to 40 characters, and starts with a letter or
/// digit.
void check_lab_name(const std::string& name);

/// While it is held nobody else makes or sweeps folders under this root.
UniqueFd lock_root(const std::string& root);

/// Makes the lab's folder and locks it as its owner. The caller holds lock_root. Throws Error when
/// the name is in use.
UniqueFd claim_folder(const Layout& layout);
/// A shared lock on the folder, next to that of the one who made it.
UniqueFd join_folder(const Layout& layout);
/// Whether a living process holds the folder.
bool is_folder_held(const Layout& layout);

/// Names of all folders under root/labs, sorted.
std::vector<std::string> lab_folders(const std::string& root);

/// The keeper as it noted itself; nothing when it has not (yet).
std::optional<ProcessId> read_keeper(const Layout& layout);
void write_keeper(const Layout& layout, const ProcessId& keeper);

}  // namespace nospof::lab
