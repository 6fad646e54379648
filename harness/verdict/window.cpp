#include "verdict/window.hpp"

#include <algorithm>

#include "verdict/outages.hpp"

namespace nospof::verdict {

namespace {

constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();

std::int64_t end_of(const CellRecord& cell) {
  for (const PhaseMark& mark : cell.phases)
    if (mark.phase == "done") return mark.at_ns;
  return cell.finished_ns.value_or(forever);
}

// When something else than this cell acts on the stack for the first time after its end.
std::int64_t next_act(const RunRecord& run, std::int64_t end_ns) {
  std::int64_t next = forever;
  for (const CellRecord& cell : run.cells)
    for (const Step& step : cell.steps)
      if ((step.step == "undo-written" || step.step == "inject") && step.at_ns >= end_ns)
        next = std::min(next, step.at_ns);
  for (const std::int64_t lab_up_ns : run.lab_ups_ns)
    if (lab_up_ns >= end_ns) next = std::min(next, lab_up_ns);
  return next;
}

}  // namespace

Window window_of(const RunRecord& run, std::size_t index, const Evidence& evidence,
                 std::span<const kinds::Sample> by_schedule) {
  const CellRecord& cell = run.cells.at(index);
  Window window;
  if (!cell.started_ns) return window;
  window.begin_ns = *cell.started_ns;
  window.end_ns = end_of(cell);
  const auto injected = evidence.injected_ns();
  // Whatever may have been hit, as far as clocks can tell, was not before it.
  const std::int64_t vague_ns = injected
                                    ? (injection_clock(run, cell, *injected) +
                                       run.clocks.at_own(run.probe.from, *injected).uncertainty)
                                          .count()
                                    : 0;
  const std::int64_t injected_ns = injected.value_or(forever) - vague_ns;
  const std::int64_t next_ns = next_act(run, window.end_ns);
  const std::int64_t slow_ns = run.probe.slow.count();

  const kinds::Sample* last_known = nullptr;
  for (const kinds::Sample& sample : by_schedule) {
    const bool hit = sample.finished_ns >= injected_ns || sample.scheduled_ns >= injected_ns;
    const bool inside =
        sample.scheduled_ns >= window.begin_ns && sample.scheduled_ns < window.end_ns;
    if (inside) window.whole.push_back(sample);
    if (inside && !hit && evidence.has_baseline && sample.scheduled_ns >= evidence.baseline_from_ns)
      window.baseline.push_back(sample);
    if (inside && hit) {
      if (window.affected.empty() && last_known != nullptr &&
          service_of(last_known->outcome) == Service::served)
        window.timeline.push_back(*last_known);
      window.affected.push_back(sample);
      if (slow_ns > 0 && injected_ns - sample.scheduled_ns > slow_ns) ++window.stalled_before;
    }
    if (service_of(sample.outcome) != Service::unknown) last_known = &sample;
    const bool after = sample.scheduled_ns >= window.end_ns && sample.scheduled_ns < next_ns &&
                       sample.finished_ns < next_ns;
    if (!window.affected.empty() && (inside || after)) window.timeline.push_back(sample);
  }
  return window;
}

}  // namespace nospof::verdict
