#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/verbs.hpp"
#include "control/fault_check.hpp"
#include "lab/services.hpp"
#include "spec/reader.hpp"
#include "system/check.hpp"

namespace nospof::cli {

namespace {

std::string plural(std::size_t count, const std::string& what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

struct Described {
  std::string text;
  spec::Topology topology;
};

Described describe(const std::string& file, const kinds::Registry& registry) {
  if (spec::file_kind(file) == "topology") {
    spec::Topology topology = spec::read_topology(file);
    lab::try_templates(topology);
    std::string text =
        fmt::format("topology {}: {}, {}, {}", topology.name, plural(topology.hosts.size(), "host"),
                    plural(topology.tiers.size(), "tier"), plural(topology.flows.size(), "flow"));
    return {std::move(text), std::move(topology)};
  }
  auto [experiment, topology] = spec::read_experiment(file, registry.catalogue());
  control::check_faults(experiment, topology, registry);
  lab::try_templates(topology);
  std::string text = fmt::format("experiment on {}: {}, {}", topology.name,
                                 plural(experiment.faults.size(), "fault"),
                                 experiment.hypothesis.size() == 1
                                     ? "1 hypothesis"
                                     : fmt::format("{} hypotheses", experiment.hypothesis.size()));
  return {std::move(text), std::move(topology)};
}

}  // namespace

void note_undrivable(const spec::Topology& topology) {
  std::vector<std::string> hosts;
  for (const spec::Host& host : topology.hosts)
    if (host.transport != spec::TransportKind::lab) hosts.push_back(host.name);
  if (hosts.empty()) return;
  std::fflush(stdout);
  fmt::print(stderr,
             "{}: note: this version can drive only hosts with transport lab, and not {}; a run "
             "would refuse them\n",
             topology.file, fmt::join(hosts, ", "));
}

int validate_command(const std::vector<std::string>& files, const kinds::Registry& registry) {
  int exit_code = 0;
  for (const std::string& file : files) {
    try {
      const Described described = describe(file, registry);
      fmt::print("{}: ok ({})\n", file, described.text);
      note_undrivable(described.topology);
    } catch (const std::exception& error) {
      // Every file gets its say, in the order given.
      std::fflush(stdout);
      fmt::print(stderr, "{}\n", error.what());
      exit_code = 2;
    }
  }
  return exit_code;
}

}  // namespace nospof::cli
