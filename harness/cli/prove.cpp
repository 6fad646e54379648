#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "analysis/stack_certificate.hpp"
#include "cli/commit.hpp"
#include "cli/terminal.hpp"
#include "cli/verbs.hpp"
#include "control/conductor.hpp"
#include "control/fault_check.hpp"
#include "control/limits.hpp"
#include "control/plan.hpp"
#include "control/proof.hpp"
#include "evidence/bundle.hpp"
#include "report/follow.hpp"
#include "report/report.hpp"
#include "report/words.hpp"
#include "spec/reader.hpp"
#include "system/fd.hpp"

namespace nospof::cli {

namespace {

constexpr int exit_inconclusive = 3;
constexpr int exit_missing = 4;
constexpr int exit_healing_incomplete = 5;

void require_root() {
  if (::geteuid() != 0)
    throw MissingCapability(
        "this needs root: it makes namespaces and injects faults. Run it with sudo");
}

// The verdict on a cell that has just ended, from what is in the run's folder: the same judgement
// as the report's.
class CellJudge {
 public:
  std::string operator()(const control::CellSummary& summary) {
    if (!run_) run_.emplace(summary.folder);
    const verdict::CellResult cell = verdict::judge_cell(run_->record(), summary.number - 1);
    std::string line =
        fmt::format("{:<12} {}", verdict::verdict_name(cell.verdict), verdict::summary_line(cell));
    if (cell.verdict != verdict::Verdict::pass)
      for (const std::string& reason : cell.reasons) line += fmt::format("\n        {}", reason);
    return line;
  }

 private:
  std::optional<report::RunFollower> run_;
};

// Draws the reports, shows the table, and turns the run into an exit code.
int conclude(const control::RunEnd& end) {
  const verdict::RunResult result = report::write_reports(end.folder);
  const bool colors = ::isatty(STDOUT_FILENO) == 1;
  fmt::print("\n{}",
             report::terminal_table(report::load_without_histories(end.folder), result, colors));
  fmt::print("\nreports: {0}/summary.md {0}/result.json {0}/junit.xml\n", end.folder);
  if (!end.healing_complete || result.exit_code == exit_healing_incomplete) {
    fmt::print(stderr, "healing is incomplete: run `nospof recover`\n");
    return exit_healing_incomplete;
  }
  if (end.signal_number != 0) {
    fmt::print(stderr, "interrupted; everything was healed\n");
    return 128 + end.signal_number;
  }
  return result.exit_code;
}

// Whoever asked for evidence has no pass without it.
int with_evidence(int code, const std::string& folder, const evidence::PrivateKey& key) {
  const std::string out = folder + "/evidence.tar";
  try {
    evidence::write_bundle({folder,
                            out,
                            &key,
                            {},
                            std::string("nospof ") + NOSPOF_VERSION,
                            analysis::verify_stack_certificate});
  } catch (const std::exception& e) {
    fmt::print(stderr, "nospof: no evidence could be made: {}\n", e.what());
    return code == 0 ? exit_inconclusive : code;
  }
  fmt::print("evidence: {}, signed by key {}\n", out, key.public_key().id());
  return code;
}

// Nothing could be measured, and that is no pass.
int could_not_run(const std::exception& error) {
  fmt::print(stderr, "nospof: {}\n", error.what());
  return dynamic_cast<const MissingCapability*>(&error) != nullptr ? exit_missing
                                                                   : exit_inconclusive;
}

Nanoseconds chosen_budget(const ProveArguments& arguments, const spec::Topology& topology) {
  if (!arguments.budget) return topology.slo.outage_budget;
  const auto budget = spec::parse_duration(*arguments.budget);
  if (!budget || budget->count() <= 0)
    throw Error(fmt::format("--budget {}: expected a duration with its unit, like 5s or 800ms",
                            *arguments.budget));
  return *budget;
}

control::Campaign chosen_campaign(const ProveArguments& arguments, const spec::Topology& topology,
                                  const spec::Catalogue& catalogue) {
  if (arguments.plan.empty())
    return control::plan_campaign(topology, catalogue, {arguments.only, arguments.skip});
  if (!arguments.only.empty() || !arguments.skip.empty())
    throw Error("--plan names the cells; it does not go with --only or --skip");
  return control::campaign_of_plan(read_file(arguments.plan), arguments.plan, topology, catalogue);
}

// A lab that stays up, or is up, is one; else as many as there is room for.
int chosen_labs(const ProveArguments& arguments) {
  const bool one = !arguments.lab.empty() || arguments.keep_lab;
  if (one && arguments.labs.value_or(1) != 1)
    throw Error(fmt::format("--labs {} cannot go with {}: leave one of them out", *arguments.labs,
                            arguments.keep_lab ? "--keep-lab" : "--lab"));
  return arguments.labs.value_or(one ? 1 : 0);
}

// What other labs, or a machine that was short of time, left open; see control::RunOptions.
std::vector<std::size_t> to_repeat(const std::string& folder, bool had_several_labs) {
  return verdict::to_repeat(verdict::judge(report::load_without_histories(folder)),
                            had_several_labs);
}

void print_list(const control::Campaign& campaign) {
  for (const control::Cell& cell : campaign.cells) fmt::print("{}\n", cell.id);
  std::vector<verdict::LeftOut> left_out;
  for (const control::LeftOut& entry : campaign.left_out)
    left_out.push_back({entry.what, entry.why});
  for (const verdict::LeftOut& entry : report::grouped(left_out))
    fmt::print("left out: {}: {}\n", entry.what, entry.why);
  fmt::print("{} cell{}\n", campaign.cells.size(), campaign.cells.size() == 1 ? "" : "s");
}

// What nobody looks at is nothing that the proof says anything about.
void leave_unwatched_out(const spec::Topology& topology, bool no_observe,
                         control::Campaign& campaign) {
  if (no_observe)
    campaign.left_out.push_back(
        {"TLS, clear text, firewalls, connections, VIPs, alerts and "
         "acknowledged writes",
         "not watched (--no-observe)"});
  else if (topology.workload.audit_url.empty())
    campaign.left_out.push_back(
        {"acknowledged writes", "the workload names no page that tells them (workload.audit)"});
  if (!no_observe && !topology.monitoring)
    campaign.left_out.push_back({"alerts", "the topology names no monitoring"});
}

}  // namespace

int prove_command(const ProveArguments& arguments, const kinds::Registry& registry) {
  control::RunOptions options;
  options.topology = spec::read_topology(arguments.topology_file);
  const Nanoseconds budget = chosen_budget(arguments, options.topology);
  options.labs = chosen_labs(arguments);
  options.to_repeat = to_repeat;
  control::Campaign campaign = chosen_campaign(arguments, options.topology, registry.catalogue());
  leave_unwatched_out(options.topology, arguments.no_observe, campaign);
  if (arguments.list) {
    print_list(campaign);
    note_undrivable(options.topology);
    return 0;
  }
  control::require_consent(options.topology, arguments.confirm);
  std::optional<evidence::PrivateKey> key;
  if (!arguments.sign.empty()) key = evidence::read_private_key(arguments.sign);
  require_root();
  if (!arguments.lab.empty()) control::borrow_lab(options.topology, arguments.lab);
  options.argv = arguments.argv;
  options.commit = built_commit;
  options.lab = arguments.lab;
  options.keep_lab = arguments.keep_lab;
  options.observe = !arguments.no_observe;
  options.min_idle = arguments.min_idle / 100.0;
  options.runs = arguments.runs;
  options.command = "nospof prove " + arguments.topology_file;
  if (!arguments.plan.empty()) options.command += " --plan " + arguments.plan;
  for (const std::string& pattern : arguments.only)
    options.command += fmt::format(" --only '{}'", pattern);
  for (const std::string& pattern : arguments.skip)
    options.command += fmt::format(" --skip '{}'", pattern);
  if (arguments.no_observe) options.command += " --no-observe";
  if (arguments.labs) options.command += fmt::format(" --labs {}", *arguments.labs);
  if (arguments.min_idle != ProveArguments{}.min_idle)
    options.command += fmt::format(" --min-idle {}", arguments.min_idle);
  if (arguments.budget) options.command += " --budget " + *arguments.budget;

  fmt::print("{}: {} cells, an outage of up to {} counts as survived\n", options.topology.title,
             campaign.cells.size(), spec::human_duration(budget));
  const SystemClock clock;
  try {
    Terminal terminal(CellJudge{});
    const control::RunEnd end =
        control::run_proof(options, campaign, budget, registry, clock, terminal);
    const int code = conclude(end);
    return key ? with_evidence(code, end.folder, *key) : code;
  } catch (const std::exception& e) {
    return could_not_run(e);
  }
}

int run_command(const RunArguments& arguments, const kinds::Registry& registry) {
  std::vector<spec::ExperimentFile> files;
  for (const std::string& path : arguments.files)
    files.push_back(spec::read_experiment(path, registry.catalogue()));
  for (const spec::ExperimentFile& file : files) {
    control::check_faults(file.experiment, file.topology, registry);
    control::check_limits(file.experiment, file.topology, registry);
  }
  if (arguments.dry_run) {
    for (const spec::ExperimentFile& file : files) {
      fmt::print("{}", control::describe_plan(file.experiment, file.topology, registry));
      note_undrivable(file.topology);
    }
    return 0;
  }
  for (const spec::ExperimentFile& file : files)
    control::require_consent(file.topology, arguments.confirm);
  require_root();
  if (!arguments.lab.empty())
    for (const spec::ExperimentFile& file : files)
      control::borrow_lab(file.topology, arguments.lab);
  const SystemClock clock;
  int worst = 0;
  for (const spec::ExperimentFile& file : files) {
    control::RunOptions options;
    options.topology = file.topology;
    options.lab = arguments.lab;
    options.observe = !arguments.no_observe;
    options.runs = arguments.runs;
    options.command = "nospof run " + file.experiment.file;
    if (arguments.no_observe) options.command += " --no-observe";
    options.argv = arguments.argv;
    options.commit = built_commit;
    fmt::print("{}\n", file.experiment.title);
    int code = exit_inconclusive;
    try {
      Terminal terminal;
      code = conclude(control::run_experiment(options, file.experiment, registry, clock, terminal));
    } catch (const std::exception& e) {
      code = could_not_run(e);
    }
    // The worst tells: left behind, then interrupted, then violated, then inconclusive.
    const auto rank = [](int c) {
      return c == 5 ? 5 : c > 128 ? 4 : c == 1 ? 3 : c == 3 ? 2 : c == 4 ? 1 : 0;
    };
    if (rank(code) > rank(worst)) worst = code;
    if (code > 128 || code == exit_healing_incomplete) break;
  }
  return worst;
}

}  // namespace nospof::cli
