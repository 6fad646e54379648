#include "evidence/claim.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "report/words.hpp"
#include "spec/units.hpp"
#include "system/digest.hpp"

namespace nospof::evidence {

namespace {

std::string parameters_text(const verdict::CellPlan& plan) {
  std::string text;
  for (const auto& [name, value] : plan.parameters)
    text += fmt::format("{}\"{}\":{}", text.empty() ? "" : ",", name, value);
  return "{" + text + "}";
}

std::string slo_text(const verdict::RunRecord& run) {
  std::string text =
      fmt::format("no outage longer than {}", spec::human_duration(run.outage_budget));
  if (run.slo_availability)
    text += fmt::format(" (availability {:.6g} %: reported, not judged)",
                        run.slo_availability->fraction * 100);
  return text;
}

std::string faults_text(const std::vector<CatalogueEntry>& catalogue) {
  std::string text;
  for (const CatalogueEntry& entry : catalogue)
    text += fmt::format("{}{}{}{}", text.empty() ? "" : ", ", entry.fault,
                        entry.label.empty() ? "" : ":", entry.label);
  return text.empty() ? "none" : text;
}

std::string bound_text(const verdict::RunResult& result) {
  const std::string single = fmt::format(
      "A cell that was executed once and passed bounds its own probability of failing at {:.0f} %.",
      verdict::failure_bound(1) * 100);
  if (!result.failure_bound)
    return "No common bound for the probability of a failing cell follows, since a cell failed or "
           "none passed in its only try. " +
           single;
  return fmt::format("95 % bound: {} {}", report::bound_text(result), single);
}

// Which cells had a second chance, and why.
std::string tries_text(const verdict::RunRecord& run, const verdict::RunResult& result) {
  const auto again =
      std::ranges::count_if(result.cells, [](const auto& cell) { return !cell.earlier.empty(); });
  if (again == 0) return "each once";
  return fmt::format(
      "each once but for {} that got another try, since of them or of others of their group it was "
      "open whether the stack or a lack of CPU time was the cause (less than {:.6g} % idle, or "
      "other labs beside)",
      again, run.min_idle * 100);
}

// Kinds of observers and what nobody looked at when there was none.
std::vector<std::string> unobserved(const verdict::RunRecord& run) {
  std::set<std::string> kinds;
  for (const verdict::ObserverInfo& observer : run.observers) kinds.insert(observer.kind);
  std::vector<std::string> list;
  for (const auto& [kind, what] :
       {std::pair{"tls-path", "who ends TLS on each hop, and with which certificate"},
        std::pair{"plaintext-canary", "whether anything passes in clear text"},
        std::pair{"firewall", "whether the firewalls are open or closed as the topology says"},
        std::pair{"connections", "which connections services make"},
        std::pair{"vip", "who holds the floating addresses"},
        std::pair{"monitoring", "whether the stack's own monitoring notices"},
        std::pair{"ledger", "whether acknowledged writes were lost"}})
    if (!kinds.contains(kind))
      list.push_back(fmt::format("It was not examined {} (no {} probe was recorded).", what, kind));
  return list;
}

}  // namespace

std::vector<CatalogueEntry> catalogue_of(const verdict::RunRecord& run) {
  std::vector<CatalogueEntry> catalogue;
  for (const verdict::CellRecord& cell : run.cells) {
    CatalogueEntry entry{cell.plan.fault, cell.plan.label, parameters_text(cell.plan), 0};
    const auto key = [](const CatalogueEntry& e) {
      return std::tie(e.fault, e.label, e.parameters);
    };
    auto place = std::ranges::lower_bound(catalogue, key(entry), {}, key);
    if (place == catalogue.end() || key(*place) != key(entry))
      place = catalogue.insert(place, std::move(entry));
    ++place->cells;
  }
  return catalogue;
}

std::string catalogue_sha256(const std::vector<CatalogueEntry>& catalogue) {
  Digest digest;
  for (const CatalogueEntry& entry : catalogue)
    digest.add(fmt::format("{} {} {}\n", entry.fault, entry.label, entry.parameters));
  return digest.hex();
}

std::string claim_text(const verdict::RunRecord& run, const verdict::RunResult& result) {
  const std::vector<CatalogueEntry> catalogue = catalogue_of(run);
  return fmt::format(
      "{}. This holds for the topology {} with hash {}, the fault catalogue with SHA-256 {} ({}), "
      "the workload {}, and the objective: {}. Executed {} of {} planned cells, {}: {} "
      "passed ({} of them controls, which broke the service as they must), {} failed, {} "
      "inconclusive; {} more entries were left out, each with its reason. {}",
      report::outcome_text(run, result), run.topology.name, run.topology.sha256,
      catalogue_sha256(catalogue), faults_text(catalogue), report::workload_text(run.probe),
      slo_text(run), result.executed, run.cells.size(), tries_text(run, result), result.passed,
      result.controls, result.failed, result.inconclusive, run.left_out.size(), bound_text(result));
}

std::vector<std::string> not_covered(const verdict::RunRecord& run,
                                     const verdict::RunResult& result) {
  std::vector<std::string> list{
      "Cells that were not executed, and whatever was left out of the plan: see not_executed.",
      "Faults that are not in the catalogue, and other parameters of those that are.",
      "Two or more components that fail at once, unless a cell is about them.",
      "Another topology: any change of its file or templates gives another hash.",
      "Another workload: other requests, a higher rate, more data, users elsewhere.",
      fmt::format("An outage shorter than the probe's period of {}, which may fall between two "
                  "requests.",
                  spec::human_duration(run.probe.period)),
      "Another time: a stack that runs for months, or is changed, upgraded or repaired meanwhile.",
      "Shared dependencies that were assumed to hold; the machine, kernel, clock and power that "
      "all "
      "hosts of a lab share.",
      "That cells fail independently of each other and with one probability, which the bound "
      "assumes.",
      "That whoever holds the key, or ran the machine, recorded what really happened: the "
      "signature "
      "says who vouches for the record, and that it was not changed since."};
  if (result.executed < run.cells.size())
    list.push_back(fmt::format("{} planned cells that were not executed to their end.",
                               run.cells.size() - result.executed));
  for (std::string& sentence : unobserved(run)) list.push_back(std::move(sentence));
  return list;
}

}  // namespace nospof::evidence
