#pragma once
// Findings for programs: JSON of nospof's own (docs/structure-checks.md has its fields), and SARIF
// 2.1.0 (OASIS Standard, https://docs.oasis-open.org/sarif/sarif/v2.1.0/), which code hosts show
// beside the lines.

#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "analysis/structure.hpp"

namespace nospof::analysis {

boost::json::array findings_json(const std::vector<StructureFinding>& findings);

/// One run of one tool over one file. `checks` become its rules; every finding's id is one of them.
boost::json::object sarif_log(const spec::Topology& topology,
                              const std::vector<StructureCheck>& checks,
                              const std::vector<StructureFinding>& findings);

}  // namespace nospof::analysis
