#include "evidence/statement.hpp"

#include <filesystem>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "evidence/claim.hpp"
#include "report/report.hpp"
#include "report/text.hpp"
#include "report/words.hpp"

namespace nospof::evidence {

namespace json = boost::json;
using verdict::Verdict;

namespace {

constexpr int schema = 1;

json::value clean(std::string_view text) {
  return json::value(report::valid_utf8(text));
}

json::object descriptor(const StagedFile& file) {
  return {{"name", file.name}, {"digest", {{"sha256", file.sha256}}}};
}

// Of one execution: what was tried again passed when it was tried often enough.
json::object cell_bound(const verdict::CellResult& cell) {
  const bool counts = verdict::is_trial(cell);
  return {{"executions", (cell.executed ? 1U : 0U) + cell.earlier.size()},
          {"passes", counts ? 1 : 0},
          {"confidence", verdict::confidence},
          {"failure_probability_at_most",
           counts ? json::value(verdict::failure_bound(1)) : json::value()}};
}

// All that result.json says, whatever columns it has, but for figures that make no verdict and are
// long: they are in result.json itself, which is one of the subjects.
json::object result_of(const StatementInput& input) {
  json::object result = json::parse(report::result_json(input.run, input.result)).as_object();
  result.erase("latency");
  result.erase("judged_by");
  json::array& cells = result.at("cells").as_array();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    json::object& cell = cells[i].as_object();
    cell.erase("latency");
    cell["bound"] = cell_bound(input.result.cells.at(i));
  }
  return result;
}

json::value machine_json(const verdict::RunRecord& run) {
  if (!run.machine) return {};
  json::array capabilities;
  for (const verdict::CapabilityMark& mark : run.machine->capabilities) {
    json::object entry{{"name", clean(mark.name)}, {"present", mark.present}};
    if (!mark.present) entry["missing"] = clean(mark.missing);
    capabilities.push_back(std::move(entry));
  }
  return json::object{{"kernel", clean(run.machine->kernel)},
                      {"capabilities", std::move(capabilities)}};
}

// What each probe that looks did: a finding says little without how often nobody found any.
json::array observers_json(const verdict::RunRecord& run) {
  json::array list;
  for (const verdict::ObserverInfo& observer : run.observers) {
    std::uint64_t rounds = 0, checked = 0, undecided = 0;
    for (const verdict::Look& look : run.looks) {
      if (look.probe != observer.probe || look.host != observer.host) continue;
      ++rounds;
      checked += look.round.checked;
      undecided += look.round.undecided;
    }
    list.push_back({{"probe", clean(observer.probe)},
                    {"kind", clean(observer.kind)},
                    {"host", clean(observer.host)},
                    {"rounds", rounds},
                    {"checked", checked},
                    {"undecided", undecided}});
  }
  return list;
}

json::array not_executed_json(const StatementInput& input) {
  json::array list;
  for (const verdict::CellResult& cell : input.result.cells) {
    if (cell.executed) continue;
    std::string why;
    for (const std::string& reason : cell.reasons) why += (why.empty() ? "" : "; ") + reason;
    list.push_back({{"what", clean(cell.plan.id)}, {"why", clean(why)}, {"planned", true}});
  }
  for (const verdict::LeftOut& entry : input.run.left_out)
    list.push_back({{"what", clean(entry.what)}, {"why", clean(entry.why)}, {"planned", false}});
  return list;
}

json::object catalogue_json(const verdict::RunRecord& run) {
  const std::vector<CatalogueEntry> catalogue = catalogue_of(run);
  json::array faults;
  for (const CatalogueEntry& entry : catalogue)
    faults.push_back({{"fault", clean(entry.fault)},
                      {"label", clean(entry.label)},
                      {"parameters", clean(entry.parameters)},
                      {"cells", entry.cells}});
  return {{"sha256", catalogue_sha256(catalogue)}, {"faults", std::move(faults)}};
}

json::value certificate_json(std::span<const StagedFile> files) {
  for (const StagedFile& file : files)
    if (file.name == certificate_name) return descriptor(file);
  return {};
}

json::object about_the_run(const StatementInput& input) {
  const verdict::RunRecord& run = input.run;
  json::object object;
  object["schema"] = schema;
  object["claim"] = clean(claim_text(run, input.result));
  json::array limits;
  for (const std::string& sentence : not_covered(run, input.result))
    limits.push_back(clean(sentence));
  object["not_covered"] = std::move(limits);
  object["topology_sha256"] = clean(run.topology.sha256);
  object["fault_catalogue"] = catalogue_json(run);
  object["slo"] = {
      {"outage_budget_ns", run.outage_budget.count()},
      {"availability",
       run.slo_availability ? json::value(run.slo_availability->fraction) : json::value()}};
  object["tool"] = {{"recorded_by", clean(run.tool)},
                    {"commit", run.commit.empty() ? json::value() : clean(run.commit)},
                    {"bundled_by", clean(input.bundled_by)}};
  object["machine"] = machine_json(run);
  object["seed"] = run.seed ? json::value(*run.seed) : json::value();
  json::array argv;
  for (const std::string& word : run.argv) argv.push_back(clean(word));
  object["repeat"] = {{"argv", std::move(argv)}, {"command", clean(report::repeat_run(run))}};
  object["observers"] = observers_json(run);
  object["not_executed"] = not_executed_json(input);
  object["certificate"] = certificate_json(input.files);
  object["result"] = result_of(input);
  return object;
}

// Whatever is no pass is a failed test for somebody who knows only the standard's fields: what is
// inconclusive is not proven, and warnedTests are tests that passed.
json::object predicate_of(const StatementInput& input) {
  json::array configuration, passed, failed;
  for (const StagedFile& file : input.files)
    if (file.name.starts_with(topology_folder)) configuration.push_back(descriptor(file));
  for (const verdict::CellResult& cell : input.result.cells)
    (cell.verdict == Verdict::pass ? passed : failed).push_back(clean(cell.plan.id));
  json::object predicate;
  predicate["result"] =
      input.result.verdict == Verdict::pass && input.result.exit_code == 0 ? "PASSED" : "FAILED";
  predicate["configuration"] = std::move(configuration);
  predicate["passedTests"] = std::move(passed);
  predicate["warnedTests"] = json::array();
  predicate["failedTests"] = std::move(failed);
  predicate["nospof"] = about_the_run(input);
  return predicate;
}

}  // namespace

json::object statement_of(const StatementInput& input) {
  json::array subject;
  for (const StagedFile& file : input.files) subject.push_back(descriptor(file));
  json::object statement;
  statement["_type"] = statement_uri;
  statement["subject"] = std::move(subject);
  statement["predicateType"] = predicate_uri;
  statement["predicate"] = predicate_of(input);
  return json::parse(json::serialize(statement)).as_object();
}

std::string topology_in_bundle(const verdict::RunRecord& run) {
  return topology_folder + std::filesystem::path(run.topology.file).filename().string();
}

}  // namespace nospof::evidence
