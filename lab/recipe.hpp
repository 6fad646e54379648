#pragma once
// All that the keeper needs to boot a host, again and again, without reading the topology.

#include <string>
#include <vector>

#include "lab/services.hpp"
#include "system/host_limits.hpp"

namespace nospof::lab {

struct HostRecipe {
  HostPlan plan;
  std::string fqdn;
  std::string address;  ///< with prefix length: "198.18.0.11/24"
  std::string mac;
  std::string cgroup;  ///< folder of the host's cgroup
  std::string port;    ///< name of its link's end at the switch
  LimitValues limits;
  LimitGroups groups;            ///< what keeps it to them
  std::uint64_t data_bytes = 0;  ///< size of the file system of its data folder
};

struct LabRecipe {
  std::string lab;
  std::string folder;
  std::string cgroup;   ///< parent of the hosts' cgroups
  std::string program;  ///< kept visible inside the hosts; empty: none
  std::vector<HostRecipe> hosts;
};

/// The MAC address of a host's eth0: 02:00 and the four bytes of its address. Fixed, because after
/// a reboot with another one the neighbours' ARP entries would be stale.
std::string mac_of_address(const std::string& address);

/// The recipe for each plan, in their order.
LabRecipe make_recipe(const std::string& lab, const Layout& layout, const std::string& cgroup,
                      const spec::Topology& topology, std::vector<HostPlan> plans);

void write_recipe(const std::string& file, const LabRecipe& recipe);
/// Throws Error when the file is damaged.
LabRecipe read_recipe(const std::string& file);

}  // namespace nospof::lab
