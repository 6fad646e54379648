#pragma once
// The parts of check_structure(), by subject. Internal to analysis.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/structure.hpp"
#include "analysis/user_path.hpp"

namespace nospof::analysis {

/// What the parts look at, and where they put what they find.
struct StructureCase {
  const spec::Topology& topology;
  std::vector<PathTier> path;
  std::vector<StructureFinding> findings = {};

  void add(std::string id, Severity severity, std::vector<std::string> names, spec::Mark mark,
           std::string what, std::string remedy) {
    findings.push_back(
        {std::move(id), severity, std::move(what), std::move(names), mark, std::move(remedy)});
  }
  /// Whether users' requests pass that tier.
  bool on_path(const std::string& tier) const { return find_tier(path, tier) != nullptr; }
};

inline bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

/// "db1, db2"
inline std::string listed(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

/// "tier 'web'"; of hosts that are no tier: "hosts web1, web2", "host web1".
std::string group_name(const spec::Topology& topology, const std::vector<std::string>& hosts);

void check_redundancy(StructureCase& c);
void check_places(StructureCase& c);
void check_firewalls(StructureCase& c);
void check_flows(StructureCase& c);
void check_tls(StructureCase& c);
void check_monitoring(StructureCase& c);
void check_shared(StructureCase& c);

}  // namespace nospof::analysis
