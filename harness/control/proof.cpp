#include "control/proof.hpp"

#include <functional>
#include <random>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "control/provenance.hpp"
#include "control/runner.hpp"
#include "system/check.hpp"

namespace nospof::control {

namespace {

std::string own_lab_name(const std::string& topology) {
  std::random_device device;
  return fmt::format("{}-{:06x}", topology, device() & 0xffffffU);
}

// The lab of a run: its own, which can be made anew, or a borrowed one.
class LabHolder {
 public:
  LabHolder(const RunOptions& options, Recorder& recorder, Watcher& watcher)
      : options_(options), recorder_(recorder), watcher_(watcher) {}

  void up() {
    const auto begin = std::chrono::steady_clock::now();
    if (!options_.lab.empty()) {
      lab_ = lab::open_lab(options_.lab);
      if (lab_->topology().sha256 != options_.topology.sha256)
        throw Error(
            fmt::format("the lab {} was brought up from another version of {}; bring it up again",
                        options_.lab, options_.topology.file));
    } else {
      lab::UpOptions up;
      up.name = own_lab_name(options_.topology.name);
      up.owned = !options_.keep_lab;
      up.progress = [this](const std::string& line) { watcher_.note(line); };
      lab_ = lab::bring_up(options_.topology, up);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    recorder_.event("lab-up", {{"seconds", took.count()},
                               {"lab", lab_->name()},
                               {"hosts", options_.topology.hosts.size()}});
  }
  void down() {
    if (!lab_) return;
    if (options_.lab.empty() && !options_.keep_lab) lab_->down();
    lab_.reset();
  }
  bool renewable() const { return options_.lab.empty() && !options_.keep_lab; }
  lab::Lab& lab() { return *lab_; }

 private:
  const RunOptions& options_;
  Recorder& recorder_;
  Watcher& watcher_;
  std::unique_ptr<lab::Lab> lab_;
};

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
    list.push_back(std::move(entry));
  }
  return list;
}

// Runs `body` on a context of its own, with signals caught, and always closes the session.
class Conductor {
 public:
  Conductor(const RunOptions& options, Recorder& recorder, const Clock& clock, Watcher& watcher)
      : options_(options),
        recorder_(recorder),
        clock_(clock),
        watcher_(watcher),
        interruption_(context_),
        holder_(options, recorder, watcher) {}

  using Body = std::function<asio::awaitable<void>(Conductor&)>;

  RunEnd conduct(const spec::Workload& workload, Nanoseconds settle, Body body) {
    workload_ = workload;
    settle_ = settle;
    std::exception_ptr error;
    asio::co_spawn(
        context_,
        [&]() -> asio::awaitable<void> {
          try {
            co_await open();
            co_await body(*this);
          } catch (const Interrupted& e) {
            end_.signal_number = e.signal_number();
          } catch (...) {
            error = std::current_exception();
          }
          co_await close();
        },
        [&](std::exception_ptr e) {
          if (e && !error) error = e;
          interruption_.stop();  // whatever happened: nothing else keeps the context busy
        });
    context_.run();
    std::string detail = reason_;
    if (error) {
      try {
        std::rethrow_exception(error);
      } catch (const MissingCapability&) {
        throw;
      } catch (const std::exception& e) {
        detail = e.what();
      }
    }
    const char* reason = error || !reason_.empty() ? "error"
                         : end_.signal_number != 0 ? "interrupted"
                                                   : "complete";
    recorder_.event("run-finished", {{"reason", reason}, {"detail", detail}});
    end_.folder = recorder_.folder();
    if (error) watcher_.note(fmt::format("the run ended early: {}", detail));
    return end_;
  }

  asio::awaitable<void> open() {
    interruption_.check();
    holder_.up();
    interruption_.check();
    session_ = std::make_unique<Session>(context_, interruption_, holder_.lab(), recorder_, clock_);
    co_await session_->open(workload_, settle_, options_.observe);
  }

  /// Takes everything down; a step that fails does not keep the next one from being taken.
  asio::awaitable<void> close() {
    std::vector<std::string> problems;
    if (session_) {
      try {
        problems = co_await session_->close();
      } catch (const std::exception& e) {
        problems.emplace_back(e.what());
      }
      session_.reset();  // agents that are left see the end of their input, and heal
    }
    try {
      holder_.down();
    } catch (const std::exception& e) {
      problems.emplace_back(e.what());
    }
    for (const std::string& problem : problems) {
      end_.healing_complete = false;
      watcher_.note("healing incomplete: " + problem);
      recorder_.event("healing-failed", {{"cell", ""}, {"host", ""}, {"detail", problem}});
    }
  }

  /// After a cell that the stack did not survive whole. False: this lab cannot be made anew.
  asio::awaitable<bool> renew(const std::string& why) {
    if (!holder_.renewable()) co_return false;
    watcher_.note(fmt::format("a fresh lab for the next cell: {}", why));
    co_await close();
    co_await open();
    co_return true;
  }

  void stop_early(std::string reason) { reason_ = std::move(reason); }
  void healing_failed() { end_.healing_complete = false; }
  Session& session() { return *session_; }

 private:
  const RunOptions& options_;
  Recorder& recorder_;
  const Clock& clock_;
  Watcher& watcher_;
  asio::io_context context_{1};
  Interruption interruption_;
  LabHolder holder_;
  std::unique_ptr<Session> session_;
  spec::Workload workload_;
  Nanoseconds settle_{};
  RunEnd end_;
  std::string reason_;
};

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

  Conductor conductor(options, recorder, clock, watcher);
  return conductor.conduct(workload, settle, [&](Conductor& c) -> asio::awaitable<void> {
    bool fresh_lab = true;
    for (std::size_t i = 0; i < campaign.cells.size(); ++i) {
      const std::int64_t begun = c.session().now_ns();
      CellEnd end;
      {
        Runner runner(c.session(), registry, watcher);
        if (fresh_lab) co_await runner.wait_until_whole();
        fresh_lab = false;
        end = co_await runner.run_cell(campaign.cells[i], budget, i + 1, campaign.cells.size());
      }
      if (!end.healing_complete) c.healing_failed();
      CellSummary summary;
      summary.number = i + 1;
      summary.total = campaign.cells.size();
      summary.cell = campaign.cells[i].id;
      summary.folder = recorder.folder();
      summary.detail = end.detail;
      summary.elapsed_ns = c.session().now_ns() - begun;
      watcher.cell_done(summary);
      if (end.stack_is_whole || i + 1 == campaign.cells.size()) continue;
      fresh_lab = co_await c.renew(end.detail);
      if (fresh_lab) continue;
      c.stop_early(fmt::format("the lab {} did not become whole again after {}: {}", options.lab,
                               campaign.cells[i].id, end.detail));
      co_return;
    }
  });
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

  Conductor conductor(options, recorder, clock, watcher);
  return conductor.conduct(workload, experiment.settle, [&](Conductor& c) -> asio::awaitable<void> {
    Runner runner(c.session(), registry, watcher);
    co_await runner.wait_until_whole();
    const CellEnd end = co_await runner.run_experiment(experiment);
    if (!end.healing_complete) c.healing_failed();
    if (!end.detail.empty()) watcher.note(end.detail);
  });
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
