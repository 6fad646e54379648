#pragma once
// What is wrong with a topology as it is written, without any computing and without running it.
// docs/structure-checks.md explains every check.

#include <string>
#include <vector>

#include "spec/topology.hpp"

namespace nospof::analysis {

/// error: against what a proof claims; warning: likely a mistake; note: to be known.
enum class Severity { note, warning, error };
/// "note", "warning", "error": also SARIF's words for them.
const char* severity_name(Severity severity);

struct StructureFinding {
  std::string id;  ///< of the check: "tier-without-redundancy"
  Severity severity = Severity::note;
  std::string what;                ///< one sentence
  std::vector<std::string> names;  ///< hosts first, then tiers, services, ...
  spec::Mark mark;                 ///< line of the topology it comes from; 0: of no single one
  std::string remedy;              ///< what to do
};

/// One check: what it is called, and what it means.
struct StructureCheck {
  std::string id;
  std::string meaning;
};
/// All of them, in the order of their findings.
const std::vector<StructureCheck>& structure_checks();

/// Errors first; within a severity in the order of the checks.
std::vector<StructureFinding> check_structure(const spec::Topology& topology);

bool has_errors(const std::vector<StructureFinding>& findings);

/// One entry per finding, "error: topology.yaml:31: ... [tier-without-redundancy]" and what to do.
std::string structure_text(const spec::Topology& topology,
                           const std::vector<StructureFinding>& findings);

}  // namespace nospof::analysis
