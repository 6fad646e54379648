#include "verdict/excuse.hpp"

#include <fmt/format.h>

#include "verdict/outages.hpp"

namespace nospof::verdict {

bool is_hurried(const CellRecord& cell, double min_idle) {
  return cell.cpu_idle && *cell.cpu_idle < min_idle;
}

std::optional<std::string> excuse_of(const CellRecord& cell, double min_idle) {
  const bool hurried = is_hurried(cell, min_idle);
  if (cell.beside == 0 && !hurried) return std::nullopt;
  std::string text = "it ran";
  if (cell.beside > 0)
    text += fmt::format(" beside {} other lab{}", cell.beside, cell.beside == 1 ? "" : "s");
  if (cell.cpu_idle)
    text += fmt::format(" on a machine with {:.0f}% of its CPU time idle", *cell.cpu_idle * 100);
  if (cell.beside > 0) return text + ": only a try alone can tell";
  return text +
         fmt::format(", and {:.0f}% are asked for: only a try on a machine with more room can tell",
                     min_idle * 100);
}

bool is_of_hosts(const CellRecord& cell, double min_idle,
                 const std::vector<kinds::Sample>& timeline, std::int64_t injected_ns,
                 std::int64_t healed_ns) {
  if (!cell.cpu_idle || is_hurried(cell, no_room * min_idle)) return false;
  std::size_t served = 0;
  std::size_t failed = 0;
  for (const kinds::Sample& sample : timeline) {
    if (sample.scheduled_ns < injected_ns || sample.scheduled_ns >= healed_ns) continue;
    const Service service = service_of(sample.outcome);
    served += service == Service::served ? 1 : 0;
    failed += service == Service::failed ? 1 : 0;
  }
  return failed > 0 && failed >= served * 9;
}

}  // namespace nospof::verdict
