#pragma once
// What a host sees of the file system.

#include <string>
#include <vector>

namespace nospof::lab {

struct HostMounts {
  std::string lab_folder;     ///< the only place of this machine that is writable inside
  std::string hidden_folder;  ///< in lab_folder; empty inside
  std::string hosts_file;     ///< shown as /etc/hosts
  std::string program;        ///< kept visible when an own folder would hide it; empty: none
};

/// To be called by pid 1 of a host, in its own mount, pid and network namespaces. The machine's
/// file system is there but read-only, so that no daemon changes the machine or meets another lab;
/// /run, /tmp, /var/tmp, /var/log and /dev/shm are the host's own and empty; /proc and /sys are of
/// its namespaces; /etc/hosts is the lab's, /etc/resolv.conf is empty. Throws SystemError.
void mount_host(const HostMounts& mounts);

/// Which of the folders that a host has for itself hides `path`; empty: none. Pure.
std::string hidden_by(const std::string& path);

}  // namespace nospof::lab
