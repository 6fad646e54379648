#include "verdict/in_lab.hpp"

namespace nospof::verdict {

namespace {

CellRecord if_in_lab(const CellRecord& cell, const CellPlan& plan, int lab) {
  CellRecord seen;
  if (cell.lab == lab) seen = cell;
  seen.plan = plan;
  seen.earlier.clear();
  return seen;
}

}  // namespace

int labs_of(const RunRecord& run) {
  return static_cast<int>(run.other_labs.size()) + 1;
}

const LabRecord& lab_record(const RunRecord& run, int lab) {
  if (lab == 1) return run;
  return run.other_labs.at(static_cast<std::size_t>(lab) - 2);
}

RunRecord in_lab(const RunRecord& run, int lab) {
  RunRecord view;
  static_cast<LabRecord&>(view) = lab_record(run, lab);
  view.started = run.started;
  view.schema = run.schema;
  view.mode = run.mode;
  view.outage_budget = run.outage_budget;
  view.min_idle = run.min_idle;
  view.slo_availability = run.slo_availability;
  view.settle = run.settle;
  view.probe = run.probe;
  view.hypothesis = run.hypothesis;
  view.healing_failures = run.healing_failures;
  view.end = run.end;
  view.recovery_deadline = run.recovery_deadline;
  for (const CellRecord& cell : run.cells) view.cells.push_back(if_in_lab(cell, cell.plan, lab));
  for (const CellRecord& cell : run.cells)
    for (const CellRecord& earlier : cell.earlier)
      view.cells.push_back(if_in_lab(earlier, cell.plan, lab));
  return view;
}

std::vector<std::vector<std::size_t>> places_of_earlier(const RunRecord& run) {
  std::vector<std::vector<std::size_t>> places(run.cells.size());
  std::size_t next = run.cells.size();
  for (std::size_t i = 0; i < run.cells.size(); ++i)
    for (std::size_t n = 0; n < run.cells[i].earlier.size(); ++n) places[i].push_back(next++);
  return places;
}

}  // namespace nospof::verdict
