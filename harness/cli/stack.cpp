#include <filesystem>

#include <fmt/format.h>
#include <sys/stat.h>

#include "analysis/compare.hpp"
#include "analysis/structure_json.hpp"
#include "cli/stack_verbs.hpp"
#include "cli/verbs.hpp"
#include "control/plan.hpp"
#include "importers/importers.hpp"
#include "spec/reader.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/pretty_json.hpp"

namespace nospof::cli {

namespace {

constexpr std::uintmax_t most_bytes = 1U << 20U;  // as of a topology

std::string read_input(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && static_cast<std::uintmax_t>(info.st_size) > most_bytes)
    throw Error(fmt::format("{}: larger than 1 MiB", path));
  return read_file(path);
}

}  // namespace

int plan_command(const PlanArguments& arguments, const kinds::Registry& registry) {
  const spec::Topology topology = spec::read_topology(arguments.topology_file);
  const control::Campaign campaign = control::plan_campaign(topology, registry.catalogue(), {});
  const control::ProofPlan plan =
      control::make_plan(topology, campaign, topology.slo.outage_budget);
  const std::string json = pretty_json(control::plan_json(topology, plan));
  if (!arguments.out.empty()) {
    refuse_own_input(arguments.out, arguments.topology_file);
    write_file(arguments.out, json);
    fmt::print(stderr, "saved to {0}; run it with nospof prove {1} --plan {0}\n", arguments.out,
               arguments.topology_file);
  }
  if (arguments.json)
    fmt::print("{}", json);
  else
    fmt::print("{}", control::plan_text(topology, plan));
  note_undrivable(topology);
  return 0;
}

int compare_command(const CompareArguments& arguments) {
  const spec::Topology a = spec::read_topology(arguments.a);
  const spec::Topology b = spec::read_topology(arguments.b);
  const analysis::Comparison comparison = analysis::compare_stacks(a, b, arguments.years);
  if (arguments.json)
    fmt::print("{}", pretty_json(analysis::comparison_json(comparison)));
  else
    fmt::print("{}", analysis::comparison_text(comparison));
  return 0;
}

int import_command(const ImportArguments& arguments) {
  const importers::Source source = importers::source_of(arguments.from);
  const std::string text =
      importers::import_text(read_input(arguments.file), arguments.file, source);
  if (arguments.out.empty()) {
    fmt::print("{}", text);
    return 0;
  }
  struct stat info {};
  if (::lstat(arguments.out.c_str(), &info) == 0)
    throw Error(
        fmt::format("{} exists already; name another file, or move it away", arguments.out));
  const std::filesystem::path folder = std::filesystem::path(arguments.out).parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder))
    throw Error(
        fmt::format("{}: there is no folder {}; make it first", arguments.out, folder.string()));
  write_file(arguments.out, text);
  fmt::print(stderr,
             "saved to {0}; complete what stands behind \"# not known\" there, then: nospof "
             "validate {0}\n",
             arguments.out);
  return 0;
}

}  // namespace nospof::cli
