#include "tests/unit/verdict/run_folder.hpp"

#include <filesystem>
#include <map>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "kinds/sample_file.hpp"
#include "system/fd.hpp"

namespace nospof::test {

namespace {

namespace json = boost::json;

// Events by their time, so that cells and steps end up in the order of a real run.
using Timeline = std::multimap<std::int64_t, json::object>;

json::object run_started(const verdict::RunRecord& run) {
  json::object event{{"event", "run-started"}, {"schema", run.schema}, {"tool", run.tool}};
  event["mode"] = run.mode == verdict::Mode::prove ? "prove" : "run";
  event["name"] = run.name;
  event["title"] = run.title;
  event["command"] = run.command;
  event["topology"] = json::object{
      {"name", run.topology.name}, {"file", run.topology.file}, {"sha256", run.topology.sha256}};
  event["outage_budget_ns"] = run.outage_budget.count();
  if (run.slo_availability) event["slo_availability"] = run.slo_availability->fraction;
  event["settle_ns"] = run.settle.count();
  if (run.recovery_deadline) event["recovery_deadline_ns"] = run.recovery_deadline->count();
  event["probe"] = json::object{{"name", run.probe.name},
                                {"period_ns", run.probe.period.count()},
                                {"slow_ns", run.probe.slow.count()},
                                {"timeout_ns", run.probe.timeout.count()},
                                {"from", run.probe.from},
                                {"url", run.probe.url},
                                {"connection", run.probe.connection}};
  json::array cells;
  for (const verdict::CellRecord& cell : run.cells) {
    json::object parameters;
    for (const auto& [name, text] : cell.plan.parameters) parameters[name] = json::parse(text);
    cells.push_back(json::object{{"id", cell.plan.id},
                                 {"host", cell.plan.host},
                                 {"service", cell.plan.service},
                                 {"fault", cell.plan.fault},
                                 {"label", cell.plan.label},
                                 {"parameters", parameters}});
  }
  event["cells"] = std::move(cells);
  json::array left_out;
  for (const verdict::LeftOut& entry : run.left_out)
    left_out.push_back(json::object{{"what", entry.what}, {"why", entry.why}});
  event["left_out"] = std::move(left_out);
  json::array hypothesis;
  for (const spec::Hypothesis& item : run.hypothesis) {
    json::object written{{"probe", item.probe}, {"figure", spec::figure_name(item.figure)}};
    if (!item.outcome.empty()) written["outcome"] = item.outcome;
    written["tolerance"] = item.tolerance.text;
    hypothesis.push_back(std::move(written));
  }
  event["hypothesis"] = std::move(hypothesis);
  return event;
}

const char* end_name(verdict::CellEnd end) {
  switch (end) {
    case verdict::CellEnd::executed:
      return "executed";
    case verdict::CellEnd::aborted:
      return "aborted";
    case verdict::CellEnd::error:
      return "error";
  }
  return "";
}

void add_cell(const verdict::CellRecord& cell, Timeline& timeline) {
  for (const verdict::CellRecord& earlier : cell.earlier) add_cell(earlier, timeline);
  const auto add = [&](std::int64_t at, const char* type, json::object fields) {
    fields["event"] = type;
    fields["cell"] = cell.plan.id;
    // Runs of one lab did not tell it before there could be more.
    if (cell.lab != 1) fields["lab"] = cell.lab;
    timeline.emplace(at, std::move(fields));
  };
  if (cell.started_ns) add(*cell.started_ns, "cell-started", {{"beside", cell.beside}});
  for (const verdict::PhaseMark& mark : cell.phases)
    add(mark.at_ns, "phase", {{"phase", mark.phase}});
  for (const verdict::Step& step : cell.steps) {
    json::object fields{{"injection", step.injection},
                        {"host", step.host},
                        {"step", step.step},
                        {"ok", step.ok},
                        {"detail", step.detail}};
    if (!step.outcome.empty()) fields["outcome"] = step.outcome;
    // Recorded a little later than it happened.
    fields["at_ns"] = step.at_ns;
    if (step.of_hosts)
      fields["of_hosts"] = json::array(step.of_hosts->begin(), step.of_hosts->end());
    add(step.at_ns + 1'000'000, "step", std::move(fields));
  }
  if (cell.redundant)
    add(cell.redundant->at_ns, "redundant",
        {{"ok", cell.redundant->ok}, {"detail", cell.redundant->detail}});
  if (!cell.finished_ns) return;
  if (cell.served_again_ns)
    add(*cell.finished_ns - 1, "recovered", {{"served_again_ns", *cell.served_again_ns}});
  json::object fields{{"outcome", end_name(*cell.end)}, {"detail", cell.detail}};
  if (cell.overhead) fields["overhead_ns"] = cell.overhead->count();
  add(*cell.finished_ns, "cell-finished", std::move(fields));
}

}  // namespace

std::string events_text(const verdict::RunRecord& run) {
  Timeline timeline;
  if (run.started) timeline.emplace(1, run_started(run));
  for (const std::int64_t at : run.lab_ups_ns)
    timeline.emplace(
        at, json::object{
                {"event", "lab-up"}, {"seconds", run.lab_up_seconds.value_or(0)}, {"hosts", 5}});
  for (const verdict::CellRecord& cell : run.cells) add_cell(cell, timeline);
  for (const verdict::Lateness& entry : run.lateness)
    timeline.emplace(entry.at_ns,
                     json::object{{"event", "lateness"}, {"worst_ns", entry.worst.count()}});
  std::int64_t last = timeline.empty() ? 2 : timeline.rbegin()->first + 1;
  for (const verdict::HealingFailure& failure : run.healing_failures)
    timeline.emplace(last++, json::object{{"event", "healing-failed"},
                                          {"cell", failure.cell},
                                          {"host", failure.host},
                                          {"detail", failure.detail}});
  if (run.end)
    timeline.emplace(last, json::object{{"event", "run-finished"},
                                        {"reason", run.end->reason},
                                        {"detail", run.end->detail}});
  std::string text;
  for (auto& [at, event] : timeline) {
    event["t"] = &event == &timeline.begin()->second ? run.started_at : run.ended_at;
    event["mono_ns"] = at;
    text += json::serialize(event) + "\n";
  }
  return text;
}

void write_run_folder(const std::string& folder, const verdict::RunRecord& run) {
  write_file(folder + "/events.ndjson", events_text(run));
  std::filesystem::create_directories(folder + "/samples");
  const auto write = [&](const std::string& name, const std::vector<kinds::Sample>& list) {
    kinds::SampleFileWriter samples(fmt::format("{}/samples/{}.bin", folder, name),
                                    run.probe.period, Nanoseconds(0));
    for (const kinds::Sample& sample : list) samples.add(sample);
    samples.flush();
  };
  write("https", run.samples);
  for (std::size_t i = 0; i < run.other_labs.size(); ++i)
    write(fmt::format("https-{}", i + 2), run.other_labs[i].samples);
}

}  // namespace nospof::test
