#pragma once
// The cells of a proof as a file: what will be tried, what is expected of it, and how long it
// takes. docs/plan.md has its fields. Pure functions.

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "control/campaign.hpp"

namespace nospof::control {

/// One cell of a plan, with what is known of it before it runs.
struct PlannedCell {
  Cell cell;
  std::string because;             ///< why that is predicted
  std::vector<std::string> roles;  ///< that its hosts may have when they are hit
  Nanoseconds estimate{};          ///< how long it takes
};

struct ProofPlan {
  std::vector<PlannedCell> cells;  ///< in the order in which they run
  std::vector<LeftOut> left_out;
  Nanoseconds estimate{};
};

/// Phases that each cell goes through (docs/architecture.md).
const std::vector<std::string>& cell_phases();

/// `budget`: a broken cell is watched for so long.
ProofPlan make_plan(const spec::Topology& topology, const Campaign& campaign, Nanoseconds budget);

std::string plan_text(const spec::Topology& topology, const ProofPlan& plan);
boost::json::object plan_json(const spec::Topology& topology, const ProofPlan& plan);

/// The cells of a saved plan, in its order. Throws Error, which names `file`, when it is no plan,
/// is of another version of the topology or of another schema, or has cells that this program
/// would not run in the same way.
Campaign campaign_of_plan(const std::string& text, const std::string& file,
                          const spec::Topology& topology, const spec::Catalogue& catalogue);

}  // namespace nospof::control
