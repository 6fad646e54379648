#pragma once
// An experiment, as plain structs: steady-state hypothesis, faults on a timeline, abort conditions.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/catalogue.hpp"
#include "spec/tolerance.hpp"
#include "spec/topology.hpp"

namespace nospof::spec {

/// Figures that a probe's samples give.
enum class Figure {
  availability,
  longest_outage,
  failed,
  count,  ///< of one outcome
  p50,
  p90,
  p99,
  p999,
  p9999,
  max,
  time_to_recover
};

struct Hypothesis {
  std::string probe = "https";
  Figure figure = Figure::longest_outage;
  std::string outcome;  ///< for Figure::count: of which
  Tolerance tolerance;
  Mark mark;
};

/// One fault on the timeline.
struct FaultSpec {
  std::string id;    ///< unique in the experiment; given or made from kind and target
  std::string kind;  ///< name into the catalogue
  Duration at{0};    ///< after the baseline
  Duration duration{0};
  std::vector<std::string>
      targets;  ///< hosts, tiers or roles ("db.leader"), as written; checked, not yet resolved
  std::string service;    ///< for faults on services
  Parameters parameters;  ///< checked against the catalogue, defaults filled in
  Mark mark;
};

struct Abort {
  std::string probe = "https";
  Figure figure = Figure::longest_outage;
  Tolerance when;  ///< the experiment is aborted (and healed) as soon as this holds
  Mark mark;
};

struct Experiment {
  std::string title;
  std::string file;
  std::string topology_file;  ///< resolved against the experiment's folder
  std::vector<Hypothesis> hypothesis;
  std::vector<FaultSpec> faults;
  std::vector<Abort> aborts;
  Duration baseline = std::chrono::seconds(2);
  Duration recovery_deadline = std::chrono::seconds(60);
  Duration settle = std::chrono::seconds(1);
  std::optional<Rate> rate;  ///< overrides the workload's
  std::optional<ConnectionMode> connection;
};

/// What a figure's value, and so the bounds of its tolerance, are held in.
enum class FigureUnit { seconds, fraction, count };

std::string figure_name(Figure figure);                 ///< "longest-outage"
std::string figure_text(const Hypothesis& hypothesis);  ///< "longest-outage", "count of reset"
std::optional<Figure> parse_figure(std::string_view name);
std::vector<std::string> figure_names();  ///< all of them
FigureUnit figure_unit(Figure figure);

/// Reads "<= 3s", ">= 99.9%" or "== 0" for a figure; throws Error that says what is wrong and what
/// is accepted. The unit must fit the figure: durations for outages, latencies and recovery (held
/// in seconds), percent for availability (held as a fraction), counts for failed and count.
Tolerance parse_tolerance(Figure figure, std::string_view text);

}  // namespace nospof::spec
