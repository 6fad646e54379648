#include "control/proof.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "analysis/stack_certificate.hpp"
#include "control/carry_out.hpp"
#include "control/conductor.hpp"
#include "control/provenance.hpp"
#include "control/runner.hpp"
#include "system/fd.hpp"

namespace nospof::control {

namespace {

json::object started_event(const RunOptions& options, const std::string& mode,
                           const std::string& title, Nanoseconds budget, Nanoseconds settle,
                           const spec::Workload& workload) {
  const spec::Topology& topology = options.topology;
  json::object event;
  event["schema"] = 1;
  event["tool"] = std::string("nospof ") + NOSPOF_VERSION;
  event["mode"] = mode;
  event["name"] = topology.name;
  event["title"] = title;
  event["command"] = options.command;
  event["argv"] = json::array(options.argv.begin(), options.argv.end());
  event["commit"] = options.commit;
  event["topology"] = {
      {"name", topology.name}, {"file", topology.file}, {"sha256", topology.sha256}};
  event["outage_budget_ns"] = budget.count();
  if (mode == "prove") event["min_idle"] = options.min_idle;
  event["slo_availability"] = topology.slo.availability.fraction;
  event["settle_ns"] = settle.count();
  json::object probe;
  probe["name"] = "https";
  probe["period_ns"] = static_cast<std::int64_t>(1e9 / workload.rate.per_second);
  probe["slow_ns"] = workload.slow.count();
  probe["timeout_ns"] = workload.timeout.count();
  probe["from"] = workload.from;
  probe["url"] = workload.url;
  probe["connection"] = workload.connection == spec::ConnectionMode::fresh ? "fresh" : "keep-alive";
  event["probe"] = std::move(probe);
  return event;
}

// What it is, and what it is made from and on.
void record_start(Recorder& recorder, const RunOptions& options, json::object started,
                  Watcher& watcher) {
  keep_topology(options.topology, recorder.folder());
  recorder.event("run-started", std::move(started));
  recorder.event("machine", machine_event());
  watcher.note("the run's folder is " + recorder.folder());
}

json::array cells_json(const std::vector<Cell>& cells) {
  json::array list;
  for (const Cell& cell : cells) {
    json::object entry;
    entry["id"] = cell.id;
    entry["host"] = cell.host;
    entry["service"] = cell.service;
    entry["fault"] = cell.fault;
    entry["label"] = cell.label;
    entry["parameters"] = parameters_json(cell.parameters);
    if (!cell.predicted.empty()) entry["predicted"] = cell.predicted;
    if (!cell.hosts.empty()) {
      entry["hosts"] = json::array(cell.hosts.begin(), cell.hosts.end());
      entry["in_turn"] = cell.in_turn;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

// Ends the record, and says how the labs fared that had any part in it.
RunEnd conclude(Recorder& recorder, Watcher& watcher, const LabEnd& end) {
  if (end.missing) std::rethrow_exception(end.missing);
  std::string failure = end.failure;
  if (const std::string trouble = recorder.trouble(); failure.empty() && !trouble.empty())
    failure = "the record is incomplete: " + trouble;
  const char* reason = !failure.empty()         ? "error"
                       : end.signal_number != 0 ? "interrupted"
                                                : "complete";
  recorder.event("run-finished", {{"reason", reason}, {"detail", failure}});
  if (end.threw) watcher.note(fmt::format("the run ended early: {}", end.failure));
  return {recorder.folder(), end.signal_number, end.healing_complete};
}

}  // namespace

RunEnd run_proof(const RunOptions& options, const Campaign& campaign, Nanoseconds budget,
                 const kinds::Registry& registry, const Clock& clock, Watcher& watcher) {
  Recorder recorder(options.runs, options.topology.name, clock);
  const spec::Workload& workload = options.topology.workload;
  const Nanoseconds settle = options.topology.prove.settle;
  json::object started =
      started_event(options, "prove", options.topology.title, budget, settle, workload);
  started["recovery_deadline_ns"] = options.topology.prove.recovery_deadline.count();
  started["cells"] = cells_json(campaign.cells);
  json::array left_out;
  for (const LeftOut& entry : campaign.left_out)
    left_out.push_back(json::object{{"what", entry.what}, {"why", entry.why}});
  started["left_out"] = std::move(left_out);
  record_start(recorder, options, std::move(started), watcher);
  if (const std::string certificate = analysis::stack_certificate(options.topology);
      !certificate.empty())
    write_file(recorder.folder() + "/certificate.json", certificate);

  return conclude(recorder, watcher,
                  carry_out({options, campaign.cells, budget, registry, clock, watcher, recorder}));
}

RunEnd run_experiment(const RunOptions& options, const spec::Experiment& experiment,
                      const kinds::Registry& registry, const Clock& clock, Watcher& watcher) {
  Recorder recorder(options.runs, options.topology.name, clock);
  spec::Workload workload = options.topology.workload;
  if (experiment.rate) workload.rate = *experiment.rate;
  if (experiment.connection) workload.connection = *experiment.connection;
  json::object started =
      started_event(options, "run", experiment.title, options.topology.slo.outage_budget,
                    experiment.settle, workload);
  started["recovery_deadline_ns"] = experiment.recovery_deadline.count();
  Cell cell;
  cell.id = "experiment";
  for (const spec::FaultSpec& fault : experiment.faults)
    cell.fault += (cell.fault.empty() ? "" : ", ") + fault.kind;
  started["cells"] = cells_json({cell});
  json::array hypothesis;
  for (const spec::Hypothesis& item : experiment.hypothesis) {
    json::object written{{"probe", item.probe}, {"figure", spec::figure_name(item.figure)}};
    if (!item.outcome.empty()) written["outcome"] = item.outcome;
    written["tolerance"] = item.tolerance.text;
    hypothesis.push_back(std::move(written));
  }
  started["hypothesis"] = std::move(hypothesis);
  record_start(recorder, options, std::move(started), watcher);

  Recorder in_lab = recorder.in_lab(1);
  Conductor conductor(options, in_lab, clock, watcher);
  const auto body = [&](Conductor& c) -> asio::awaitable<void> {
    Runner runner(c.session(), registry, watcher);
    co_await runner.wait_until_whole();
    const CellEnd end = co_await runner.run_experiment(experiment);
    if (!end.healing_complete) c.healing_failed();
    if (!end.detail.empty()) watcher.note(end.detail);
  };
  return conclude(recorder, watcher, conductor.conduct(workload, experiment.settle, body));
}

std::string describe_plan(const spec::Experiment& experiment, const spec::Topology& topology,
                          const kinds::Registry& registry) {
  const kinds::StackView stack =
      stack_view(topology, [](const std::string&) { return std::string(); });
  std::string text = fmt::format("{}\n", experiment.title);
  for (const spec::FaultSpec& fault : experiment.faults) {
    std::vector<std::string> hosts;
    std::string note;
    for (const std::string& target : fault.targets) {
      if (const spec::Role* role = topology.find_role(target)) {
        note += fmt::format("    {} is found at run time; one of:", target);
        for (const std::string& host : role->among) note += " " + host;
        note += fmt::format(" (shown: {})\n", role->among.front());
        hosts.push_back(role->among.front());
      } else if (const spec::Tier* tier = topology.find_tier(target)) {
        hosts.insert(hosts.end(), tier->hosts.begin(), tier->hosts.end());
      } else {
        hosts.push_back(target);
      }
    }
    const kinds::Plan plan =
        registry.fault(fault.kind).plan(hosts, fault.service, fault.parameters, stack);
    text += fmt::format("  at {} for {}: {}\n{}", spec::format_duration(fault.at),
                        spec::format_duration(fault.duration), fault.kind, note);
    for (const kinds::Placement& placement : plan.placements)
      text += fmt::format("    on {}: {}\n      undo: {}\n", placement.host, placement.effect,
                          placement.undo);
    text += "    blast radius:";
    for (const std::string& host : plan.blast_radius) text += " " + host;
    text += "\n";
  }
  return text;
}

}  // namespace nospof::control
