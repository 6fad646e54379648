#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "report/error_budget.hpp"
#include "report/histogram_json.hpp"
#include "report/histories.hpp"
#include "report/lineage.hpp"
#include "report/matrices.hpp"
#include "report/predictions.hpp"
#include "report/report.hpp"
#include "report/text.hpp"
#include "report/words.hpp"
#include "system/pretty_json.hpp"
#include "verdict/in_lab.hpp"

namespace nospof::report {

namespace {

namespace json = boost::json;

constexpr int schema = 1;

json::value optional_ns(const std::optional<Nanoseconds>& duration) {
  return duration ? json::value(duration->count()) : json::value();
}

json::object interval_json(const verdict::Interval& interval) {
  json::object object;
  object["lower_ns"] = interval.lower.count();
  object["upper_ns"] = optional_ns(interval.upper);
  object["text"] = verdict::interval_text(interval);
  return object;
}

json::object classes_json(const verdict::ClassCounts& classes) {
  json::object object;
  for (std::size_t i = 0; i < classes.size(); ++i)
    if (classes[i] > 0) object[kinds::outcome_name(static_cast<kinds::Outcome>(i))] = classes[i];
  return object;
}

json::object counts_json(const verdict::Counts& counts) {
  json::object object;
  object["total"] = counts.total;
  object["failed"] = counts.failed;
  object["unknown"] = counts.unknown;
  const auto availability = counts.availability();
  object["availability"] = availability ? json::value(*availability) : json::value();
  object["classes"] = classes_json(counts.classes);
  return object;
}

json::object latency_json(const verdict::Latencies& latency) {
  json::object object;
  object["answered"] = latency.answered;
  object["p50_ns"] = optional_ns(latency.p50);
  object["p90_ns"] = optional_ns(latency.p90);
  object["p99_ns"] = optional_ns(latency.p99);
  object["p999_ns"] = optional_ns(latency.p999);
  object["p9999_ns"] = optional_ns(latency.p9999);
  object["max_ns"] = optional_ns(latency.max);
  return object;
}

json::object traffic_latency_json(const verdict::Histogram& latency) {
  json::object object = latency_json(verdict::latencies(latency));
  object["mean_ns"] = optional_ns(latency.mean());
  object["histogram"] = histogram_json(latency);
  return object;
}

json::array outages_json(const verdict::CellResult& cell) {
  json::array list;
  for (const verdict::Outage& outage : cell.outages) {
    json::object object;
    object["begins_after_injection_ns"] = outage.first_bad_ns - *cell.injected_ns;
    object["length"] = interval_json(outage.length());
    object["unfinished"] = outage.unfinished;
    object["failed"] = outage.failed;
    object["served"] = outage.served;
    object["started_late"] = outage.started_late;
    object["classes"] = classes_json(outage.classes);
    list.push_back(std::move(object));
  }
  return list;
}

json::array hypothesis_json(const verdict::CellResult& cell) {
  json::array list;
  for (const verdict::HypothesisResult& item : cell.hypothesis) {
    json::object object;
    object["probe"] = item.hypothesis.probe;
    object["figure"] = spec::figure_name(item.hypothesis.figure);
    if (!item.hypothesis.outcome.empty()) object["outcome"] = item.hypothesis.outcome;
    object["tolerance"] = item.hypothesis.tolerance.text;
    object["observed"] = item.observed;
    object["verdict"] = verdict::verdict_name(item.verdict);
    list.push_back(std::move(object));
  }
  return list;
}

json::object parameters_json(const verdict::CellPlan& plan) {
  json::object object;
  for (const auto& [name, text] : plan.parameters) {
    boost::system::error_code error;
    json::value value = json::parse(text, error);
    object[name] = error ? json::value(text) : std::move(value);
  }
  return object;
}

// null where no probe could tell.
json::object seen_json(const verdict::Observations& seen) {
  const auto told = [&](const char* kind, auto value) {
    return seen.looked.contains(kind) ? json::value(value) : json::value();
  };
  json::object object;
  object["lost_writes"] = told("ledger", seen.lost_writes);
  object["stale_reads"] = told("ledger", seen.stale_reads);
  object["tls_violations"] = told("tls-path", seen.tls);
  object["clear_text"] = told("plaintext-canary", seen.clear_text);
  object["open_flows"] = told("firewall", seen.open);
  object["closed_flows"] = texts(seen.closed);
  object["unknown_connections"] = told("connections", seen.unknown);
  object["detected"] = seen.detected ? json::value(interval_json(*seen.detected)) : json::value();
  object["alert"] = seen.alert;
  object["alert_cleared"] = seen.alert_cleared;
  object["false_alerts"] = told("monitoring", seen.false_alerts);
  object["vip_without_owner"] = told("vip", interval_json(seen.without_owner));
  object["vip_with_two_owners"] = told("vip", interval_json(seen.with_two_owners));
  json::array blind;
  for (const std::string& kind : seen.blind) blind.emplace_back(kind);
  object["blind"] = std::move(blind);
  return object;
}

json::array earlier_json(const verdict::CellResult& cell) {
  json::array list;
  for (const verdict::EarlierTry& earlier : cell.earlier)
    list.push_back({{"lab", earlier.lab},
                    {"beside", earlier.beside},
                    {"verdict", verdict::verdict_name(earlier.verdict)},
                    {"reasons", texts(earlier.reasons)}});
  return list;
}

json::object finding_json(const verdict::StandingFinding& finding) {
  json::object object;
  object["probe"] = finding.kind;
  object["what"] = finding.what;
  object["subject"] = valid_utf8(finding.subject);
  object["detail"] = valid_utf8(finding.detail);
  object["seen_on"] = texts(finding.hosts);
  return object;
}

json::object cell_json(const verdict::RunRecord& run, const verdict::CellResult& cell) {
  json::object object;
  object["id"] = cell.plan.id;
  object["component"] = verdict::component_name(cell.plan);
  object["host"] = cell.plan.host;
  object["service"] = cell.plan.service;
  object["fault"] = cell.plan.fault;
  object["label"] = cell.plan.label;
  object["parameters"] = parameters_json(cell.plan);
  object["verdict"] = verdict::verdict_name(cell.verdict);
  object["reasons"] = texts(cell.reasons);
  object["executed"] = cell.executed;
  object["confirmed"] = cell.confirmed;
  object["healed"] = cell.healed;
  object["attributable"] = cell.attributable;
  object["injected_ns"] = cell.injected_ns ? json::value(*cell.injected_ns) : json::value();
  object["longest_outage"] = interval_json(cell.longest);
  object["recovery"] = cell.recovery ? json::value(interval_json(*cell.recovery)) : json::value();
  object["healed_after_ns"] = optional_ns(cell.healed_after);
  object["redundant_after_ns"] = optional_ns(cell.redundant_after);
  object["baseline"] = counts_json(cell.baseline);
  object["requests"] = counts_json(cell.counts);
  object["latency"] = latency_json(cell.latency);
  object["outages"] = outages_json(cell);
  object["hypothesis"] = hypothesis_json(cell);
  object["observed"] = seen_json(cell.seen);
  object["worst_lateness_ns"] = cell.worst_lateness.count();
  if (!cell.plan.hosts.empty()) {
    object["hosts"] = texts(cell.plan.hosts);
    object["in_turn"] = cell.plan.in_turn;
    object["control"] = cell.plan.is_control();
    object["broken_for_ns"] = optional_ns(cell.broken_for);
  }
  object["predicted"] =
      cell.plan.predicted.empty() ? json::value() : json::value(valid_utf8(cell.plan.predicted));
  object["agreement"] =
      cell.agreement ? json::value(verdict::agreement_name(*cell.agreement)) : json::value();
  object["clock_uncertainty_ns"] = cell.clock_uncertainty.count();
  object["lab"] = cell.lab;
  object["beside"] = cell.beside;
  object["cpu_idle"] = cell.cpu_idle ? json::value(*cell.cpu_idle) : json::value();
  object["hurried"] = cell.hurried;
  object["earlier"] = earlier_json(cell);
  object["repeat"] = repeat_cell(run, cell.plan);
  return object;
}

json::object spof_json(const verdict::Spof& spof) {
  json::object object;
  object["name"] = spof.name;
  object["host"] = spof.host;
  object["service"] = spof.service;
  json::array faults;
  for (const verdict::SpofFault& fault : spof.faults) {
    json::object entry;
    entry["cell"] = fault.cell;
    entry["fault"] = fault.fault;
    entry["label"] = fault.label;
    entry["outage"] = interval_json(fault.outage);
    entry["reasons"] = texts(fault.reasons);
    faults.push_back(std::move(entry));
  }
  object["faults"] = std::move(faults);
  json::array services;
  for (const verdict::Spof& service : spof.services) services.push_back(spof_json(service));
  object["services"] = std::move(services);
  return object;
}

json::object probe_json(const verdict::ProbeInfo& probe) {
  json::object object;
  object["probe"] = probe.name;
  object["period_ns"] = probe.period.count();
  object["slow_ns"] = probe.slow.count();
  object["timeout_ns"] = probe.timeout.count();
  object["from"] = probe.from;
  object["url"] = probe.url;
  object["connection"] = probe.connection;
  return object;
}

void add_clocks(const verdict::LabRecord& record, int lab, json::array& list) {
  for (const std::string& host : record.clocks.hosts()) {
    const verdict::ClockOffset offset = record.clocks.worst(host);
    json::object entry;
    entry["lab"] = lab;
    entry["host"] = host;
    entry["same_clock"] = record.clocks.is_own(host);
    entry["ahead_ns"] = offset.ahead.count();
    entry["uncertainty_ns"] = offset.uncertainty.count();
    entry["readings"] =
        std::ranges::count(record.clock_readings, host, &verdict::ClockReading::host);
    list.push_back(std::move(entry));
  }
}

json::array clocks_json(const verdict::RunRecord& run) {
  json::array list;
  for (int lab = 1; lab <= verdict::labs_of(run); ++lab)
    add_clocks(verdict::lab_record(run, lab), lab, list);
  return list;
}

json::object head_json(const verdict::RunRecord& run, const verdict::RunResult& result) {
  json::object object;
  object["schema"] = schema;
  object["verdict"] = verdict::verdict_name(result.verdict);
  object["exit_code"] = result.exit_code;
  object["claim"] = claim(run, result);
  object["reasons"] = texts(result.reasons);
  object["mode"] = run.mode == verdict::Mode::prove ? "prove" : "run";
  object["name"] = run.name;
  object["title"] = run.title;
  object["command"] = repeat_run(run);
  object["tool"] = run.tool;
  object["judged_by"] = std::string("nospof ") + NOSPOF_VERSION;
  object["started"] = run.started_at;
  object["ended"] = run.ended_at;
  object["end"] = run.end ? run.end->reason : "killed";
  json::object topology;
  topology["name"] = run.topology.name;
  topology["file"] = run.topology.file;
  topology["sha256"] = run.topology.sha256;
  object["topology"] = std::move(topology);
  object["workload"] = probe_json(run.probe);
  object["outage_budget_ns"] = run.outage_budget.count();
  object["min_idle"] = run.min_idle;
  object["settle_ns"] = run.settle.count();
  object["recovery_deadline_ns"] = optional_ns(run.recovery_deadline);
  object["lab_up_seconds"] = run.lab_up_seconds ? json::value(*run.lab_up_seconds) : json::value();
  json::object cells;
  cells["planned"] = run.cells.size();
  cells["executed"] = result.executed;
  cells["passed"] = result.passed;
  cells["controls"] = result.controls;
  cells["failed"] = result.failed;
  cells["inconclusive"] = result.inconclusive;
  object["totals"] = std::move(cells);
  object["requests"] = counts_json(result.traffic.requests);
  object["latency"] = traffic_latency_json(result.traffic.latency);
  object["error_budget"] = error_budget_json(result);
  object["bound"] = bound_json(result);
  return object;
}

}  // namespace

std::string result_json(const verdict::RunRecord& run, const verdict::RunResult& result) {
  json::object object = head_json(run, result);
  json::array spofs;
  for (const verdict::Spof& spof : result.spofs) spofs.push_back(spof_json(spof));
  object["spofs"] = std::move(spofs);
  json::array findings;
  for (const verdict::StandingFinding& finding : result.findings)
    findings.push_back(finding_json(finding));
  object["findings"] = std::move(findings);
  object["predictions"] = predictions_json(result);
  object["lineage"] = lineage_json(result.lineage);
  object["matrices"] = matrices_json(result.matrices);
  object["histories"] = histories_json(result.histories);
  object["clocks"] = clocks_json(run);
  json::array cells;
  for (const verdict::CellResult& cell : result.cells) cells.push_back(cell_json(run, cell));
  object["cells"] = std::move(cells);
  json::array left_out;
  for (const verdict::LeftOut& entry : run.left_out) {
    json::object item;
    item["what"] = entry.what;
    item["why"] = entry.why;
    left_out.push_back(std::move(item));
  }
  object["left_out"] = std::move(left_out);
  return pretty_json(object);
}

}  // namespace nospof::report
