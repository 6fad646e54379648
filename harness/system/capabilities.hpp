#pragma once
// What this machine can do, found out by trying it: each check really makes the thing, in a network
// namespace that is thrown away, or reads what the kernel says of itself.

#include <string>
#include <vector>

namespace nospof {

struct Capability {
  std::string name;  ///< "sch_netem"; faults name it in what they need
  std::string what;  ///< one phrase: "delays, loses and damages packets in the kernel"
  bool present = false;
  std::string missing;  ///< why not: the kernel's or the file system's own words
  std::string remedy;   ///< what would help
};

/// Tries all of them, in a fixed order. Takes some ten milliseconds; changes nothing that stays
/// (a kernel that has modules may load those that are tried). Throws nothing: what can't be tried
/// is missing, with the reason.
std::vector<Capability> find_capabilities();

/// Whether a need is met: a capability's name, or several with '|' between them of which one is
/// enough. An unknown name is not met.
bool has_capability(const std::vector<Capability>& capabilities, const std::string& need);

}  // namespace nospof
