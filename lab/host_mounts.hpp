#pragma once
// What a host sees of the file system.

#include <cstdint>
#include <string>
#include <vector>

namespace nospof::lab {

struct HostMounts {
  std::string lab_folder;     ///< the only place of this machine that is writable inside
  std::string hidden_folder;  ///< in lab_folder; empty inside
  std::string hosts_file;     ///< shown as /etc/hosts
  std::string program;        ///< kept visible when an own folder would hide it; empty: none
  std::vector<std::string> control_groups;  ///< the host's own: writable too
};

/// To be called by pid 1 of a host, in its own mount, pid and network namespaces. The machine's
/// file system is there but read-only, so that no daemon changes the machine or meets another lab;
/// /run, /tmp, /var/tmp, /var/log and /dev/shm are the host's own and empty; /proc and /sys are of
/// its namespaces; /etc/hosts is the lab's, /etc/resolv.conf is empty. Throws SystemError.
void mount_host(const HostMounts& mounts);

/// A file system of its own, of limited size, on a host's data folder. To be called by the keeper
/// in its own mount namespace: it lives as long as that, so also while the host is off.
void mount_data(const std::string& folder, std::uint64_t bytes);
/// Takes it off again, with what is in it.
void unmount_data(const std::string& folder);

/// Which of the folders that a host has for itself hides `path`; empty: none. Pure.
std::string hidden_by(const std::string& path);

}  // namespace nospof::lab
