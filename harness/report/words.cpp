#include "report/words.hpp"

#include <cmath>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "report/text.hpp"
#include "spec/units.hpp"
#include "verdict/in_lab.hpp"

namespace nospof::report {

using spec::human_duration;
using verdict::Verdict;

namespace {

std::string spofs_found(std::size_t count) {
  return count == 1 ? "1 single point of failure was found"
                    : fmt::format("{} single points of failure were found", count);
}

std::string burn_text(const verdict::ErrorBudget& budget) {
  if (budget.burn_rate) return fmt::format("{:.3g}", *budget.burn_rate);
  return budget.requests == 0 ? "unknown" : "unlimited";
}

// Never below what it says: rounded up to two decimals.
std::string at_most_percent(double share) {
  return fmt::format("{:.4g}%", std::ceil(share * 10'000 - 1e-9) / 100);
}

}  // namespace

std::string outcome_text(const verdict::RunRecord& run, const verdict::RunResult& result) {
  const bool prove = run.mode == verdict::Mode::prove;
  switch (result.verdict) {
    case Verdict::pass:
      return prove ? "No single point of failure was found" : "The hypothesis holds";
    case Verdict::fail:
      if (!prove && result.failed > 0) return "The hypothesis is violated";
      return result.spofs.empty() ? "A violation was found" : spofs_found(result.spofs.size());
    case Verdict::inconclusive:
      break;
  }
  return "Nothing is proven";
}

std::string claim(const verdict::RunRecord& run, const verdict::RunResult& result) {
  return fmt::format(
      "{} for this topology hash, this workload and this budget; executed {} of {} cells.",
      outcome_text(run, result), result.executed, run.cells.size());
}

std::string workload_text(const verdict::ProbeInfo& probe) {
  if (probe.name.empty()) return "unknown";
  return fmt::format("{} every {} from {} to {}, {} connections, answers within {}", probe.name,
                     human_duration(probe.period), probe.from, probe.url, probe.connection,
                     human_duration(probe.slow));
}

std::string budget_text(const verdict::RunResult& result) {
  if (!result.budget) return "";
  const verdict::ErrorBudget& budget = *result.budget;
  std::string text = fmt::format("SLO {:.6g}%: {} of {} requests failed, {:.4g} may: burn rate {}",
                                 budget.slo.fraction * 100, budget.spent, budget.requests,
                                 budget.allowed, burn_text(budget));
  if (result.worst && result.worst->budget.spent > 0)
    text +=
        fmt::format("; {} in the worst cell, {} ({} of {})", burn_text(result.worst->budget),
                    result.worst->id, result.worst->budget.spent, result.worst->budget.requests);
  return text;
}

std::string bound_text(const verdict::RunResult& result) {
  if (!result.failure_bound) return "";
  std::string text = fmt::format(
      "{}, none failed. If cells like these fail independently of each other and with one "
      "probability, it is at most {} ({:.0f}% confidence). This says nothing about other faults, "
      "another workload or another topology.",
      result.trials == 1 ? "1 cell passed" : fmt::format("{} cells passed", result.trials),
      at_most_percent(*result.failure_bound), verdict::confidence * 100);
  if (result.controls > 0)
    text += fmt::format(
        " Not counted {} {} in which hosts were to break the service together, and did.",
        result.controls == 1 ? "is" : "are",
        result.controls == 1 ? "1 control" : fmt::format("{} controls", result.controls));
  if (const std::size_t again = result.passed - result.controls - result.trials; again > 0)
    text += fmt::format(" Not counted {} {} that passed and had more than one try.",
                        again == 1 ? "is" : "are",
                        again == 1 ? "1 cell" : fmt::format("{} cells", again));
  if (result.inconclusive > 0)
    text += fmt::format(" {} inconclusive {} not counted.", result.inconclusive,
                        result.inconclusive == 1 ? "cell is" : "cells are");
  return text;
}

std::string fault_text(const verdict::CellPlan& plan) {
  const std::string fault = plan.label.empty() ? plan.fault : plan.fault + ":" + plan.label;
  return plan.is_control() ? fault + ", control" : fault;
}

std::string outage_text(const verdict::CellResult& cell) {
  return cell.injected_ns && cell.counts.total > 0 ? verdict::interval_text(cell.longest) : "-";
}

std::string failed_text(const verdict::CellResult& cell) {
  if (!cell.injected_ns) return "-";
  return fmt::format("{}/{}", cell.counts.failed, cell.counts.total);
}

std::string recovery_text(const verdict::CellResult& cell) {
  if (!cell.recovery) return "-";
  return cell.recovery->upper ? human_duration(*cell.recovery->upper) : "never";
}

std::string redundant_text(const verdict::CellResult& cell) {
  return cell.redundant_after ? human_duration(*cell.redundant_after) : "-";
}

std::string availability_text(const verdict::CellResult& cell) {
  const auto availability = cell.counts.availability();
  if (!cell.injected_ns || !availability) return "-";
  // Rounded down: all is what was all.
  return fmt::format("{:.1f}%", std::floor(*availability * 1000 + 1e-9) / 10);
}

std::string lost_text(const verdict::CellResult& cell) {
  return cell.seen.looked.contains("ledger") ? fmt::format("{}", cell.seen.lost_writes) : "-";
}

std::string tls_text(const verdict::CellResult& cell) {
  const auto& looked = cell.seen.looked;
  if (!looked.contains("tls-path") && !looked.contains("plaintext-canary")) return "-";
  return fmt::format("{}", cell.seen.tls + cell.seen.clear_text);
}

std::string firewall_text(const verdict::CellResult& cell) {
  if (!cell.seen.looked.contains("firewall")) return "-";
  if (cell.seen.closed.empty()) return fmt::format("{}", cell.seen.open);
  return fmt::format("{}+{}", cell.seen.open, cell.seen.closed.size());
}

std::string detected_text(const verdict::CellResult& cell) {
  if (cell.seen.detected && cell.seen.detected->upper)
    return human_duration(*cell.seen.detected->upper);
  return cell.seen.looked.contains("monitoring") ? "no alert" : "-";
}

std::string finding_text(const verdict::StandingFinding& finding) {
  return fmt::format("{}: {} (seen on {}: {})", finding.what, finding.subject,
                     fmt::join(finding.hosts, ", "), finding.detail);
}

std::string history_text(const verdict::HistoryResult& result) {
  std::string text =
      fmt::format("{}: {}", result.file, history::verdict_text(result.verdict, result.model));
  if (!result.reason.empty()) text += fmt::format(" ({})", result.reason);
  if (!result.ledger)
    return text + fmt::format("; {} operations on {} registers, {} with unknown outcome",
                              result.operations, result.registers, result.unfinished);
  const history::LedgerReport& ledger = *result.ledger;
  return text + fmt::format(
                    "; rows: {} ok, {} lost, {} duplicated, {} never written, {} there "
                    "though never acknowledged, {} not judged; {} stale reads",
                    ledger.ok, ledger.lost, ledger.duplicated, ledger.never_written,
                    ledger.unacknowledged, ledger.unjudged, ledger.stale_own + ledger.stale_other);
}

std::string earlier_text(const verdict::EarlierTry& earlier) {
  return fmt::format("in lab {}, beside {} other lab{}: {} ({})", earlier.lab, earlier.beside,
                     earlier.beside == 1 ? "" : "s", verdict::verdict_name(earlier.verdict),
                     fmt::join(earlier.reasons, "; "));
}

std::vector<verdict::LeftOut> grouped(const std::vector<verdict::LeftOut>& left_out) {
  constexpr std::size_t many = 10;
  std::map<std::string, std::size_t> counts;
  for (const verdict::LeftOut& entry : left_out) ++counts[entry.why];
  std::vector<verdict::LeftOut> list;
  for (const verdict::LeftOut& entry : left_out) {
    std::size_t& count = counts[entry.why];
    if (count < many && count > 0) {
      list.push_back(entry);
    } else if (count > 0) {
      list.push_back({fmt::format("{} cells", count), entry.why});
      count = 0;
    }
  }
  return list;
}

std::string spof_faults_text(const verdict::Spof& spof) {
  std::string text;
  for (const verdict::SpofFault& fault : spof.faults)
    text += fmt::format("{}{}{}{} ({})", text.empty() ? "" : ", ", fault.fault,
                        fault.label.empty() ? "" : ":", fault.label,
                        verdict::interval_text(fault.outage));
  return text;
}

std::string repeat_cell(const verdict::RunRecord& run, const verdict::CellPlan& plan) {
  if (run.mode == verdict::Mode::run) return repeat_run(run);
  return fmt::format("nospof prove {} --budget {} --only {} --min-idle {:.6g}{}",
                     quoted(run.topology.file), spec::format_duration(run.outage_budget),
                     quoted(plan.id), run.min_idle * 100,
                     run.observers.empty() ? " --no-observe" : "");
}

std::string repeat_run(const verdict::RunRecord& run) {
  if (!run.command.empty() || run.mode == verdict::Mode::run) return run.command;
  return fmt::format("nospof prove {} --budget {}", quoted(run.topology.file),
                     spec::format_duration(run.outage_budget));
}

std::string clocks_text(const verdict::RunRecord& run) {
  std::size_t hosts = 0;
  std::string others;
  for (int lab = 1; lab <= verdict::labs_of(run); ++lab) {
    const verdict::HostClocks& clocks = verdict::lab_record(run, lab).clocks;
    for (const std::string& host : clocks.hosts()) {
      ++hosts;
      if (clocks.is_own(host)) continue;
      const verdict::ClockOffset offset = clocks.worst(host);
      const bool behind = offset.ahead < Nanoseconds{0};
      others += fmt::format("; {}{} is {} {}, give or take {}", host,
                            lab > 1 ? fmt::format(" of lab {}", lab) : "",
                            spec::human_duration(behind ? -offset.ahead : offset.ahead),
                            behind ? "behind" : "ahead", spec::human_duration(offset.uncertainty));
    }
  }
  if (hosts == 0) return "";
  if (others.empty()) return fmt::format("{} hosts, all on this machine's clock", hosts);
  return fmt::format("{} hosts{}", hosts, others);
}

}  // namespace nospof::report
