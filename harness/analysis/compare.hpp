#pragma once
// What redundancy costs and what it buys: two topologies side by side, and one
// with a host more in each tier in turn. docs/plan.md explains the figures.

#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "analysis/stack_report.hpp"

namespace nospof::analysis {

/// Costs of all hosts that are no observers, spread over years of use.
struct StackCost {
  std::string currency;  ///< empty: no host says what it costs
  double hardware = 0;   ///< each per year: what is paid once is divided by the years
  double setup = 0;
  double power = 0;
  double maintenance = 0;
  double administration = 0;
  std::vector<std::string> without;  ///< hosts that say nothing
  double per_year() const { return hardware + setup + power + maintenance + administration; }
};

StackCost cost_of(const spec::Topology& topology, double years);

/// One more host in a tier: a twin of its first host, in the zone that has
/// fewest of the tier. A tier that needed a majority of three or more hosts
/// goes on needing one.
spec::Topology scaled(const spec::Topology& topology, const std::string& tier);

struct ScalingStep {
  std::string tier;
  int needs = 0;               ///< after it
  std::size_t hosts = 0;       ///< after it
  double minutes_saved = 0;    ///< per year, of what a proof covers
  std::optional<double> cost;  ///< more per year; nothing when it is not known
};

struct Compared {
  const spec::Topology* topology = nullptr;
  StackReport report;
  StackCost cost;
  std::vector<ScalingStep> steps;
  /// Of the function that is down most.
  Downtime claim() const;
  Downtime everything() const;
  /// Of an order, most of any function.
  std::string count(unsigned order) const;
};

struct Comparison {
  Compared a, b;
  double years = 0;
  /// What a minute less of downtime per year costs, going from a to b; nothing
  /// when b does not save any, or when costs are unknown or in two currencies.
  std::optional<double> cost_per_minute;
};

Comparison compare_stacks(const spec::Topology& a, const spec::Topology& b, double years);

/// A Markdown table and what scaling would buy.
std::string comparison_text(const Comparison& comparison);
boost::json::object comparison_json(const Comparison& comparison);

}  // namespace nospof::analysis
