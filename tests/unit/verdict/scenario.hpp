#pragma once
// Runs made by hand, for tests: samples on a schedule, and a record with whole cells.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "verdict/record.hpp"

namespace nospof::test {

inline constexpr std::int64_t ms = 1'000'000;
inline constexpr std::int64_t s = 1'000 * ms;
inline constexpr std::int64_t period_ns = 20 * ms;

/// One sample per period in [from, to), answered 5 ms after its schedule, in that order.
inline std::vector<kinds::Sample> stream(
    std::int64_t from_ns, std::int64_t to_ns,
    const std::function<kinds::Outcome(std::int64_t)>& outcome_at,
    std::int64_t period = period_ns) {
  std::vector<kinds::Sample> samples;
  std::uint64_t sequence = static_cast<std::uint64_t>(from_ns / period);
  for (std::int64_t at = from_ns; at < to_ns; at += period)
    samples.push_back({sequence++, at, at + ms / 10, at + 5 * ms, outcome_at(at), 0});
  return samples;
}

inline kinds::Outcome always_ok(std::int64_t) {
  return kinds::Outcome::ok;
}

/// Fails with `bad` in [from, to).
inline std::function<kinds::Outcome(std::int64_t)> fails_between(
    std::int64_t from_ns, std::int64_t to_ns,
    kinds::Outcome bad = kinds::Outcome::connect_refused) {
  return [=](std::int64_t at) { return at >= from_ns && at < to_ns ? bad : kinds::Outcome::ok; };
}

// A cell that begins at `t`: baseline until t+1 s, injection from t+1 s+5 ms on, healed at t+4 s,
// done at t+7 s.
inline constexpr std::int64_t cell_length = 7 * s;
inline constexpr std::int64_t injected_after = s + 5 * ms;
inline constexpr std::int64_t healed_after = 4 * s;

inline verdict::CellRecord whole_cell(std::int64_t t, const std::string& host,
                                      const std::string& service, const std::string& fault) {
  verdict::CellRecord cell;
  cell.plan.host = host;
  cell.plan.service = service;
  cell.plan.fault = fault;
  cell.plan.id = host + (service.empty() ? "" : "/" + service) + "/" + fault;
  const std::string injection = cell.plan.id;
  cell.started_ns = t;
  cell.phases = {{t, "baseline"},
                 {t + s, "inject"},
                 {t + 1100 * ms, "observe"},
                 {t + 3900 * ms, "heal"},
                 {t + healed_after, "recover"},
                 {t + 6 * s, "redundant"},
                 {t + cell_length, "done"}};
  const auto step = [&](std::int64_t at, const char* name, const char* outcome) {
    cell.steps.push_back({t + at, injection, host, name, true, "seen", outcome});
  };
  step(s + 2 * ms, "check", "");
  step(injected_after, "undo-written", "");
  step(injected_after + 2 * ms, "inject", "");
  step(s + 40 * ms, "confirm", "confirmed");
  step(3950 * ms, "heal", "");
  step(healed_after, "confirm-healed", "confirmed");
  cell.served_again_ns = t + injected_after;
  cell.redundant = verdict::RedundantMark{t + 6 * s, true, "4 services running, 1 checks hold"};
  cell.end = verdict::CellEnd::executed;
  cell.finished_ns = t + cell_length + ms;
  cell.overhead = Nanoseconds(200 * ms);
  return cell;
}

/// A completed proof without cells and samples: budget 2 s, settle 1 s.
inline verdict::RunRecord empty_run() {
  verdict::RunRecord run;
  run.started = true;
  run.schema = 1;
  run.tool = "nospof 0.1.0";
  run.name = "pair";
  run.title = "A pair of everything";
  run.command = "nospof prove pair/topology.yaml";
  run.topology = {"pair", "pair/topology.yaml", "00aa11bb"};
  run.outage_budget = Nanoseconds(2 * s);
  run.slo_availability = spec::Percent{0.99};
  run.settle = Nanoseconds(s);
  run.recovery_deadline = Nanoseconds(60 * s);
  run.probe = {"https",  Nanoseconds(period_ns),     Nanoseconds(s), Nanoseconds(3 * s),
               "client", "https://www.nospof.test/", "fresh"};
  run.end = verdict::RunEnd{"complete", ""};
  run.started_at = "2026-11-20T13:39:56.123456789Z";
  run.ended_at = "2026-11-20T13:41:00.000000000Z";
  return run;
}

inline constexpr std::int64_t first_cell = 100 * s;

/// A completed proof of one cell at first_cell whose requests go as `outcome_at` says.
inline verdict::RunRecord one_cell_run(
    const std::function<kinds::Outcome(std::int64_t)>& outcome_at) {
  verdict::RunRecord run = empty_run();
  run.cells = {whole_cell(first_cell, "web1", "nginx", "process-kill")};
  run.samples = stream(first_cell - s, first_cell + cell_length, outcome_at);
  return run;
}

}  // namespace nospof::test
