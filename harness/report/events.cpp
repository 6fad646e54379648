#include "report/events.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "report/fields.hpp"
#include "report/text.hpp"
#include "system/check.hpp"

namespace nospof::report {

namespace {

namespace json = boost::json;

constexpr int known_schema = 1;

verdict::CellPlan read_plan(const json::object& object) {
  const Fields fields(object);
  verdict::CellPlan plan;
  plan.id = fields.text("id");
  plan.host = fields.optional_text("host");
  plan.service = fields.optional_text("service");
  plan.fault = fields.optional_text("fault");
  plan.label = fields.optional_text("label");
  plan.predicted = fields.optional_text("predicted");
  plan.hosts = fields.texts("hosts");
  plan.in_turn = object.contains("in_turn") && fields.boolean("in_turn");
  if (object.contains("parameters")) {
    const json::object parameters = fields.object("parameters");
    for (const auto& entry : parameters)
      plan.parameters[std::string(entry.key())] = json::serialize(entry.value());
  }
  return plan;
}

spec::Hypothesis read_hypothesis(const json::object& object) {
  const Fields fields(object);
  spec::Hypothesis item;
  item.probe = fields.text("probe");
  const std::string figure = fields.text("figure");
  const auto known = spec::parse_figure(figure);
  if (!known) throw Error(fmt::format("the figure '{}' is not known", figure));
  item.figure = *known;
  if (item.figure == spec::Figure::count) {
    item.outcome = fields.text("outcome");
    if (!kinds::outcome_from_name(item.outcome))
      throw Error(fmt::format("the outcome '{}' is not known", item.outcome));
  }
  item.tolerance = spec::parse_tolerance(*known, fields.text("tolerance"));
  return item;
}

// It names a file, too.
bool is_probe_name(const std::string& name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !name.empty() && std::ranges::all_of(name, plain);
}

verdict::ProbeInfo read_probe(const json::object& object) {
  const Fields fields(object);
  verdict::ProbeInfo probe;
  probe.name = fields.text("name");
  if (!is_probe_name(probe.name)) throw Error("the probe's name is none: expected a-z, 0-9 and -");
  probe.period = fields.duration("period_ns");
  probe.slow = fields.duration("slow_ns");
  probe.timeout = fields.duration("timeout_ns");
  probe.from = fields.optional_text("from");
  probe.url = fields.optional_text("url");
  probe.connection = fields.optional_text("connection");
  return probe;
}

void read_run_started(const Fields& fields, verdict::RunRecord& run) {
  const std::int64_t schema = fields.integer("schema");
  if (schema < 1 || schema > std::numeric_limits<int>::max())
    throw Error(fmt::format("the schema {} is none of nospof's", schema));
  run.schema = static_cast<int>(schema);
  run.tool = fields.optional_text("tool");
  const std::string mode = fields.text("mode");
  if (mode != "prove" && mode != "run") throw Error(fmt::format("the mode '{}' is unknown", mode));
  run.mode = mode == "prove" ? verdict::Mode::prove : verdict::Mode::run;
  run.name = fields.optional_text("name");
  run.title = fields.optional_text("title");
  run.command = fields.optional_text("command");
  run.argv = fields.texts("argv");
  run.commit = fields.optional_text("commit");
  if (const auto seed = fields.optional_integer("seed"))
    run.seed = static_cast<std::uint64_t>(*seed);
  const json::object topology = fields.object("topology");
  const Fields named(topology);
  run.topology = {named.optional_text("name"), named.optional_text("file"),
                  named.optional_text("sha256")};
  run.outage_budget = fields.duration("outage_budget_ns");
  if (const auto share = fields.optional_number("min_idle")) {
    if (*share < 0 || *share > 1) throw Error("'min_idle' is no share from 0 to 1");
    run.min_idle = *share;
  }
  if (const auto share = fields.optional_number("slo_availability")) {
    if (*share < 0 || *share > 1) throw Error("'slo_availability' is no share from 0 to 1");
    run.slo_availability = spec::Percent{*share};
  }
  run.settle = fields.duration("settle_ns");
  if (const auto deadline = fields.optional_integer("recovery_deadline_ns"))
    run.recovery_deadline = Nanoseconds(*deadline);
  run.probe = read_probe(fields.object("probe"));
  for (const json::object& entry : fields.objects("cells"))
    run.cells.emplace_back().plan = read_plan(entry);
  for (const json::object& entry : fields.objects("left_out"))
    run.left_out.push_back({Fields(entry).text("what"), Fields(entry).text("why")});
  for (const json::object& entry : fields.objects("hypothesis"))
    run.hypothesis.push_back(read_hypothesis(entry));
  run.started = true;
}

verdict::CellEnd read_end(const std::string& outcome) {
  if (outcome == "executed") return verdict::CellEnd::executed;
  if (outcome == "aborted") return verdict::CellEnd::aborted;
  if (outcome == "error") return verdict::CellEnd::error;
  throw Error(fmt::format("the outcome '{}' is unknown", outcome));
}

void read_step(const Fields& fields, std::int64_t at_ns, verdict::CellRecord& cell) {
  verdict::Step step;
  // The agent's own time of the step, where there is one, is nearer than that of the record.
  const auto own_time = fields.optional_integer("at_ns");
  step.at_ns = own_time.value_or(at_ns);
  step.injection = fields.text("injection");
  step.host = fields.text("host");
  step.step = fields.text("step");
  step.ok = fields.boolean("ok");
  step.detail = fields.optional_text("detail");
  step.outcome = fields.optional_text("outcome");
  step.clock = fields.optional_text("clock");
  if (own_time && step.clock.empty()) step.clock = step.host;
  if (fields.has("of_hosts")) step.of_hosts = fields.texts("of_hosts");
  cell.steps.push_back(std::move(step));
}

verdict::ClockReading read_clock(const Fields& fields) {
  const std::int64_t sent_ns = fields.integer("sent_ns");
  const std::int64_t received_ns = fields.integer("received_ns");
  if (received_ns < sent_ns) throw Error("'received_ns' is before 'sent_ns'");
  return {fields.text("host"), fields.optional_text("boot_id"), sent_ns, fields.integer("host_ns"),
          received_ns,         fields.boolean("same")};
}

verdict::Machine read_machine(const Fields& fields) {
  verdict::Machine machine;
  machine.kernel = fields.text("kernel");
  for (const json::object& entry : fields.objects("capabilities")) {
    const Fields of(entry);
    machine.capabilities.push_back(
        {of.text("name"), of.boolean("present"), of.optional_text("missing")});
  }
  return machine;
}

// Told once for each time that the lab was made.
void read_observers(const Fields& fields, verdict::LabRecord& run) {
  for (const json::object& entry : fields.objects("observers")) {
    const Fields of(entry);
    verdict::ObserverInfo info{of.text("probe"), of.text("kind"), of.text("host")};
    const bool known = std::ranges::any_of(run.observers, [&](const auto& other) {
      return other.probe == info.probe && other.host == info.host;
    });
    if (!known) run.observers.push_back(std::move(info));
  }
}

verdict::Sighting read_sighting(const Fields& fields, std::int64_t told_ns) {
  kinds::Finding finding;
  finding.at_ns = fields.integer("at_ns");
  finding.since_ns = fields.integer("since_ns");
  finding.what = fields.text("what");
  finding.subject = fields.text("subject");
  finding.detail = fields.optional_text("detail");
  finding.violation = fields.boolean("violation");
  finding.over = fields.boolean("over");
  finding.count = fields.count("count", 1);
  return {told_ns, fields.text("probe"), fields.text("host"), std::move(finding)};
}

verdict::Look read_look(const Fields& fields) {
  return {fields.text("probe"),
          fields.text("host"),
          {fields.integer("begin_ns"), fields.integer("end_ns"), fields.count("checked"),
           fields.count("undecided")}};
}

// Told once by each probe of a host for each time that the lab was made.
void read_expects(const Fields& fields, verdict::LabRecord& run) {
  std::vector<verdict::Expected> all;
  for (const json::object& entry : fields.objects("expects"))
    all.push_back({{Fields(entry).text("subject"), Fields(entry).text("expected")}, false});
  run.expected.emplace(std::pair(fields.text("probe"), fields.text("host")), std::move(all));
}

void read_decided(const Fields& fields, verdict::LabRecord& run) {
  const auto found = run.expected.find({fields.text("probe"), fields.text("host")});
  const std::size_t all = found == run.expected.end() ? 0 : found->second.size();
  const std::vector<std::size_t> places = fields.places("places");
  for (const std::size_t place : places)
    if (place >= all) throw Error(fmt::format("'places': nothing is expected at {}", place));
  for (const std::size_t place : places) found->second[place].decided = true;
}

// Takes the lines of events.ndjson one after another.
class EventReader {
 public:
  explicit EventReader(verdict::RunRecord& run) : run_(run) {}

  void take(const json::object& event) {
    const Fields fields(event);
    const std::string type = fields.text("event");
    const std::int64_t at_ns = fields.integer("mono_ns");
    run_.ended_at = fields.optional_text("t");
    if (run_.started_at.empty()) run_.started_at = run_.ended_at;
    if (type == "run-started") return read_run_started(fields, run_);
    if (type == "lab-up") {
      if (!run_.lab_up_seconds) run_.lab_up_seconds = fields.optional_number("seconds");
      lab(fields).lab_ups_ns.push_back(at_ns);
    } else if (type == "machine") {
      run_.machine = read_machine(fields);
    } else if (type == "lateness") {
      lab(fields).lateness.push_back({at_ns, fields.duration("worst_ns")});
    } else if (type == "clock") {
      lab(fields).clock_readings.push_back(read_clock(fields));
    } else if (type == "observers") {
      read_observers(fields, lab(fields));
    } else if (type == "observer") {
      if (fields.text("state") == "up")
        lab(fields).observer_starts.push_back({at_ns, fields.text("host")});
    } else if (type == "found") {
      lab(fields).sightings.push_back(read_sighting(fields, at_ns));
    } else if (type == "looked") {
      lab(fields).looks.push_back(read_look(fields));
    } else if (type == "expects") {
      read_expects(fields, lab(fields));
    } else if (type == "decided") {
      read_decided(fields, lab(fields));
    } else if (type == "healing-failed") {
      run_.healing_failures.push_back({fields.optional_text("cell"), fields.optional_text("host"),
                                       fields.optional_text("detail")});
    } else if (type == "run-finished") {
      run_.end = verdict::RunEnd{fields.text("reason"), fields.optional_text("detail")};
    } else {
      take_of_cell(type, at_ns, fields);
    }
  }

 private:
  // Other types of events are for people who read the file; no judgement hangs on them.
  void take_of_cell(const std::string& type, std::int64_t at_ns, const Fields& fields) {
    if (type == "cell-started") {
      begin_cell(fields, at_ns);
    } else if (type == "phase") {
      cell(fields).phases.push_back({at_ns, fields.text("phase")});
    } else if (type == "step") {
      read_step(fields, at_ns, cell(fields));
    } else if (type == "causes") {
      for (const std::string& name : fields.texts("outcomes"))
        if (const auto outcome = kinds::outcome_from_name(name))
          cell(fields).caused.push_back(*outcome);
    } else if (type == "recovered") {
      cell(fields).served_again_ns = fields.integer("served_again_ns");
    } else if (type == "redundant") {
      cell(fields).redundant =
          verdict::RedundantMark{fields.optional_integer("since_ns").value_or(at_ns),
                                 fields.boolean("ok"), fields.optional_text("detail")};
    } else if (type == "cell-finished") {
      verdict::CellRecord& done = cell(fields);
      done.end = read_end(fields.text("outcome"));
      done.finished_ns = at_ns;
      done.detail = fields.optional_text("detail");
      done.cpu_idle = fields.optional_number("cpu_idle");
      if (const auto overhead = fields.optional_integer("overhead_ns"))
        done.overhead = Nanoseconds(*overhead);
    }
  }

  // What is begun again is another try; it goes by what it comes to alone.
  void begin_cell(const Fields& fields, std::int64_t at_ns) {
    verdict::CellRecord& begun = cell(fields);
    // All of it is read before anything is changed: an event is taken whole or not at all.
    const int number = fields.lab();
    const std::int64_t beside = fields.optional_integer("beside").value_or(0);
    lab(fields);
    if (begun.started_ns) {
      verdict::CellRecord next;
      next.plan = begun.plan;
      next.earlier = std::move(begun.earlier);
      begun.earlier.clear();
      next.earlier.push_back(std::move(begun));
      begun = std::move(next);
    }
    begun.started_ns = at_ns;
    begun.lab = number;
    begun.beside = static_cast<int>(std::clamp<std::int64_t>(beside, 0, most_labs));
  }

  verdict::LabRecord& lab(const Fields& fields) {
    const auto number = static_cast<std::size_t>(fields.lab());
    if (number == 1) return run_;
    if (run_.other_labs.size() < number - 1) run_.other_labs.resize(number - 1);
    return run_.other_labs[number - 2];
  }

  verdict::CellRecord& cell(const Fields& fields) {
    const std::string id = fields.text("cell");
    const auto found = std::ranges::find(run_.cells, id, [](const auto& c) { return c.plan.id; });
    if (found == run_.cells.end()) throw Error(fmt::format("the cell '{}' was never planned", id));
    return *found;
  }

  verdict::RunRecord& run_;
};

}  // namespace

void take_events(std::string_view lines, int first, const std::string& path,
                 verdict::RunRecord& run) {
  const std::string text = valid_utf8(lines);
  EventReader reader(run);
  std::string_view rest = text;
  for (int number = first; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end, rest.size() - 1) + 1);
    boost::system::error_code error;
    const json::value value = json::parse(line, error);
    try {
      if (error || !value.is_object()) throw Error("this is no JSON object");
      reader.take(value.as_object());
    } catch (const Error& e) {
      run.damage.push_back(fmt::format("events.ndjson:{}: {}", number, e.what()));
    }
    if (run.schema > known_schema)
      throw Error(
          fmt::format("{}:{}: written by {} in schema {}, but this nospof reads schema {}; "
                      "use that version",
                      path, number, run.tool, run.schema, known_schema));
  }
}

}  // namespace nospof::report
