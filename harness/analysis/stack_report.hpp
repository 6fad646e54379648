#pragma once
// What follows from a topology alone: single points of failure, pairs and
// triples by name, availability, and what its structure shows. docs/plan.md
// explains the figures.

#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "analysis/full_set.hpp"
#include "analysis/stack_model.hpp"
#include "analysis/structure.hpp"

namespace nospof::analysis {

constexpr unsigned most_orders = 3;  ///< of cut sets that are listed

/// Components that together stop a function, by index into its model's
/// components.
struct NamedCutSet {
  std::vector<NodeId> components;
  double probability = 0;  ///< that all of them are down at a moment
};

/// What is down in the long run.
struct Downtime {
  double unavailability = 0;
  double nines() const;             ///< -log10 of it; infinite for 0
  double minutes_per_year() const;  ///< of 365.25 days
};

/// Functions that need the same of the same tiers are one entry.
struct FunctionReport {
  std::vector<std::string> names;
  StackModel model;                            ///< of what a proof claims
  std::vector<Count> counts;                   ///< by order 0 .. most_orders
  std::vector<std::vector<NamedCutSet>> sets;  ///< by order; the likeliest first
  Downtime claim;                              ///< of what a proof covers
  Downtime everything;                         ///< with what it takes for granted
};

struct SinglePoint {
  Component component;
  std::vector<std::string> functions;  ///< that it stops
};

struct StackReport {
  std::vector<FunctionReport> functions;
  std::vector<SinglePoint> single_points;
  std::vector<Component> assumed;  ///< taken for granted: outside of the claim
  std::vector<StructureFinding> findings;
  /// A single point of failure, or an error of the structure.
  bool fails() const;
};

struct StackReportOptions {
  std::size_t most_sets = 20'000;  ///< of one order that are looked at
};

/// Throws Error when the topology does not tell how users get in.
StackReport report_stack(const spec::Topology& topology, const StackReportOptions& options = {});

/// "99.998%, 4.7 nines, 10.5 min/year".
std::string downtime_text(const Downtime& downtime);

/// "1402", "1.85": three digits, never in powers of ten.
std::string minutes_text(double minutes);

/// `most`: cut sets of an order that are written down; more are counted.
std::string stack_text(const spec::Topology& topology, const StackReport& report,
                       std::size_t most = 20);
boost::json::object stack_json(const spec::Topology& topology, const StackReport& report);

/// Single points of failure as findings, before those of the structure; and the
/// checks for SARIF.
std::vector<StructureFinding> all_findings(const StackReport& report);
std::vector<StructureCheck> all_checks();

}  // namespace nospof::analysis
