#include "control/runner.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "control/parallel.hpp"
#include "system/check.hpp"

namespace nospof::control {

namespace {
using namespace std::chrono_literals;

constexpr Nanoseconds show_every = 250ms;
/// Results are in up to now, but for what a healthy answer takes.
constexpr Nanoseconds results_current = 250ms;
constexpr Nanoseconds redundancy_every = 250ms;
/// Asking starts programs on every host: the longer that takes, the longer the rest after it.
constexpr int rest_after_asking = 3;
constexpr Nanoseconds longest_rest = 1s;
constexpr Nanoseconds baseline_deadline = 20s;

Nanoseconds rest_after(Nanoseconds asking) {
  return std::clamp(rest_after_asking * asking, redundancy_every, longest_rest);
}

// Everything that was due by then has been answered as it should be.
bool answered_until(const verdict::LiveState& state, std::int64_t until_ns) {
  return state.served_until && *state.served_until >= until_ns;
}
}  // namespace

Runner::Runner(Session& session, const kinds::Registry& registry, Watcher& watcher, int beside)
    : session_(session), registry_(registry), watcher_(watcher), beside_(beside) {}

void Runner::begin(const std::string& cell, std::size_t number, std::size_t total) {
  cell_ = cell;
  number_ = number;
  total_ = total;
  faults_.clear();
  injected_ns_ = healed_ns_ = 0;
  begun_ns_ = session_.now_ns();
  cpu_at_begin_ = cpu_times();
  session_.recorder().event("cell-started", {{"cell", cell}, {"beside", beside_}});
}

void Runner::begin_phase(const std::string& phase) {
  phase_ = phase;
  session_.recorder().event("phase", {{"cell", cell_}, {"phase", phase}});
}

asio::awaitable<void> Runner::pause() {
  co_await session_.interruption().sleep(look_every);
  if (!session_.prober_failure().empty()) throw Error(session_.prober_failure());
  const std::int64_t now = session_.now_ns();
  if (Nanoseconds(now - shown_ns_) < show_every) co_return;
  shown_ns_ = now;
  CellProgress progress;
  progress.number = number_;
  progress.total = total_;
  progress.cell = cell_;
  progress.phase = phase_;
  progress.elapsed_ns = now - begun_ns_;
  const auto state = session_.live().since(injected_ns_ != 0 ? injected_ns_ : begun_ns_, now);
  progress.longest_outage_ns = state.longest.lower.count();
  progress.failed = state.failed;
  progress.sent = state.total;
  watcher_.cell(progress);
}

asio::awaitable<void> Runner::take_baseline(Nanoseconds length) {
  begin_phase("baseline");
  const std::int64_t first = session_.now_ns();
  std::int64_t start = first;
  for (;;) {
    co_await pause();
    const std::int64_t now = session_.now_ns();
    const auto state = session_.live().since(start, now);
    if (state.failed > 0 && Nanoseconds(now - first) < baseline_deadline) {
      // Not steady yet: the baseline is what stands right before the fault.
      start = now;
      begin_phase("baseline");
      continue;
    }
    if (state.failed > 0)
      throw Error(fmt::format("no steady state: {} of {} requests failed before any fault",
                              state.failed, state.total));
    if (answered_until(state, start + length.count())) co_return;
    if (Nanoseconds(now - first) >= baseline_deadline)
      throw Error("no steady state: no request was answered before any fault");
  }
}

asio::awaitable<std::vector<std::string>> Runner::resolve(const std::vector<std::string>& targets) {
  const spec::Topology& topology = session_.topology();
  std::vector<std::string> hosts;
  for (const std::string& target : targets) {
    if (topology.find_host(target) != nullptr) {
      hosts.push_back(target);
    } else if (const spec::Tier* tier = topology.find_tier(target)) {
      hosts.insert(hosts.end(), tier->hosts.begin(), tier->hosts.end());
    } else if (const spec::Role* role = topology.find_role(target)) {
      const std::vector<std::string> holders = co_await session_.find_role(*role);
      if (holders.size() != 1)
        throw Error(
            fmt::format("the role {} is held by {} hosts now; a fault on it needs exactly one",
                        target, holders.size()));
      hosts.push_back(holders.front());
    } else {
      throw Error(fmt::format("'{}' is no host, tier or role", target));
    }
  }
  std::ranges::sort(hosts);
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
  co_return hosts;
}

ActiveFault& Runner::add_fault(const std::string& injection, const std::string& kind,
                               const std::vector<std::string>& targets, const std::string& service,
                               const spec::Parameters& parameters) {
  const kinds::FaultKind& fault = registry_.fault(kind);
  faults_.push_back(
      std::make_unique<ActiveFault>(session_, cell_, injection, kind,
                                    fault.plan(targets, service, parameters, session_.stack())));
  return *faults_.back();
}

asio::awaitable<void> Runner::observe(const Pace& pace) {
  begin_phase("observe");
  for (;;) {
    co_await pause();
    const std::int64_t now = session_.now_ns();
    const Nanoseconds elapsed(now - injected_ns_);
    const auto state = session_.live().since(injected_ns_, now);
    if (elapsed >= pace.hold && state.settled_since &&
        answered_until(state, now - results_current.count()))
      co_return;
    if (state.longest.lower > pace.budget + pace.settle) co_return;
    if (elapsed > pace.budget + pace.hold + pace.settle) co_return;
  }
}

void Runner::record_redundancy(const Redundancy& redundancy, std::int64_t since_ns) {
  session_.recorder().event("redundant", {{"cell", cell_},
                                          {"ok", redundancy.ok},
                                          {"since_ns", since_ns},
                                          {"detail", redundancy.detail}});
}

asio::awaitable<void> Runner::recover(const Pace& pace, CellEnd& end) {
  begin_phase("recover");
  const std::int64_t healed_ns = session_.now_ns();
  Nanoseconds rest = redundancy_every;
  std::int64_t asked_ns = 0;
  bool served = false;
  std::optional<std::int64_t> redundant_ns;
  Redundancy redundancy;
  for (;;) {
    co_await pause();
    const std::int64_t now = session_.now_ns();
    const auto state = session_.live().since(injected_ns_, now);
    if (state.settled_since && !served) {
      served = true;
      session_.recorder().event("recovered",
                                {{"cell", cell_}, {"served_again_ns", *state.settled_since}});
    }
    if (!redundant_ns && Nanoseconds(now - asked_ns) >= rest) {
      // What held once is asked again when all has held, below.
      if (asked_ns == 0)
        redundancy = co_await session_.redundancy();
      else
        redundancy = co_await session_.redundancy_of(redundancy.missing);
      asked_ns = session_.now_ns();
      rest = rest_after(Nanoseconds(asked_ns - now));
      if (redundancy.ok) redundant_ns = asked_ns;
    }
    // Both must be seen to last: what the healing itself upset shows only in later answers.
    const std::int64_t whole_ns = std::max(healed_ns, redundant_ns.value_or(now));
    if (redundant_ns && state.settled_since &&
        answered_until(state, whole_ns + pace.settle.count())) {
      redundancy = co_await session_.redundancy();
      if (redundancy.ok) {
        begin_phase("redundant");
        record_redundancy(redundancy, *redundant_ns);
        co_return;
      }
      redundant_ns.reset();
    }
    if (Nanoseconds(now - healed_ns) <= pace.recovery_deadline) continue;
    end.stack_is_whole = false;
    end.detail = redundant_ns ? "users were not served again within the recovery deadline"
                              : fmt::format("not redundant again within the recovery deadline: {}",
                                            redundancy.detail);
    if (redundant_ns) redundancy.detail = end.detail;
    redundancy.ok = false;
    record_redundancy(redundancy, redundant_ns.value_or(now));
    co_return;
  }
}

asio::awaitable<void> Runner::wait_until_whole() {
  const std::int64_t start = session_.now_ns();
  const Nanoseconds deadline = session_.topology().prove.recovery_deadline;
  for (;;) {
    const std::int64_t asked_ns = session_.now_ns();
    const Redundancy redundancy = co_await session_.redundancy();
    if (redundancy.ok) {
      session_.recorder().event("whole", {{"detail", redundancy.detail}});
      co_return;
    }
    if (Nanoseconds(session_.now_ns() - start) > deadline)
      throw Error(fmt::format("the stack is not whole to begin with: {}", redundancy.detail));
    co_await session_.interruption().sleep(rest_after(Nanoseconds(session_.now_ns() - asked_ns)));
  }
}

asio::awaitable<void> Runner::heal_all(CellEnd& end) {
  bool any = false;
  for (const auto& fault : faults_) any = any || fault->in_force();
  if (!any) co_return;
  // What cannot be written down is healed all the same.
  std::exception_ptr unwritten;
  try {
    begin_phase("heal");
  } catch (...) {
    unwritten = std::current_exception();
  }
  for (const auto& fault : faults_) {
    if (!fault->in_force()) continue;
    try {
      if (!co_await fault->heal()) end.healing_complete = false;
    } catch (...) {
      unwritten = std::current_exception();
    }
  }
  healed_ns_ = session_.now_ns();
  if (unwritten) std::rethrow_exception(unwritten);
}

asio::awaitable<void> Runner::inject(ActiveFault& fault, const Pace& pace) {
  begin_phase("inject");
  injected_ns_ = session_.now_ns();
  co_await fault.inject(pace.budget + pace.hold + pace.settle + duration_margin);
  if (fault.injected_ns() != 0) injected_ns_ = fault.injected_ns();
}

asio::awaitable<void> Runner::hand_over(ActiveFault& from, ActiveFault& to, const Pace& pace,
                                        CellEnd& end) {
  const auto heal = [&]() -> asio::awaitable<void> {
    if (!co_await from.heal()) end.healing_complete = false;
  };
  std::vector<asio::awaitable<void>> both;
  both.push_back(heal());
  both.push_back(inject(to, pace));
  co_await in_parallel(session_.interruption().context(), std::move(both));
}

asio::awaitable<void> Runner::cell_body(const Cell& cell, const Pace& pace, CellEnd& end) {
  co_await session_.read_clocks();
  co_await take_baseline(pace.baseline);
  const std::int64_t steady_ns = session_.now_ns();
  std::vector<ActiveFault*> faults;
  if (cell.in_turn)
    for (const std::string& host : cell.hosts)
      faults.push_back(&add_fault(cell.id + "/" + host, cell.fault, {host}, "", cell.parameters));
  else
    faults.push_back(
        &add_fault(cell.id, cell.fault, cell.targets(), cell.service, cell.parameters));
  for (ActiveFault* fault : faults) co_await fault->check();
  // What failed while the host was asked must not be laid at the fault's door.
  if (session_.live().since(steady_ns, session_.now_ns()).failed > 0)
    co_await take_baseline(pace.baseline);
  for (std::size_t n = 0; n < faults.size(); ++n) {
    if (n == 0)
      co_await inject(*faults[n], pace);
    else
      co_await hand_over(*faults[n - 1], *faults[n], pace, end);
    co_await faults[n]->confirm_by_witnesses();
    co_await observe(pace);
  }
  co_await heal_all(end);
  co_await recover(pace, end);
}

asio::awaitable<CellEnd> Runner::run_cell(const Cell& cell, Nanoseconds budget, std::size_t number,
                                          std::size_t total) {
  const spec::ProveSettings& prove = session_.topology().prove;
  const Pace pace{prove.baseline, prove.hold, prove.settle, prove.recovery_deadline, budget};
  begin(cell.id, number, total);
  auto end = std::make_shared<CellEnd>();
  co_return co_await guarded(cell_body(cell, pace, *end), end);
}

// A cell is judged as soon as it ends: by then what was asked in it has its answer, and what the
// healing upset last, such as a floating address that goes back, is over.
asio::awaitable<void> Runner::wait_for_results() {
  const Nanoseconds patience = session_.topology().workload.timeout;
  const std::int64_t start_ns = session_.now_ns();
  for (;;) {
    const std::int64_t end_ns = session_.now_ns();
    const auto state = [this] { return session_.live().since(injected_ns_, session_.now_ns()); };
    while (session_.prober_failure().empty() &&
           Nanoseconds(session_.now_ns() - end_ns) < patience && !answered_until(state(), end_ns))
      co_await session_.interruption().sleep(look_every);
    if (!session_.prober_failure().empty() || state().settled_since ||
        Nanoseconds(session_.now_ns() - start_ns) > session_.topology().prove.recovery_deadline)
      co_return;
    co_await session_.interruption().sleep(look_every);
  }
}

// Whether writes were lost shows only in a stack that is healed. The patience is for a look that
// began before, the questions of both, and a slow answer to each.
asio::awaitable<void> Runner::wait_for_observers() {
  const std::int64_t start_ns = session_.now_ns();
  const Nanoseconds patience = 4 * session_.topology().workload.timeout;
  while (!session_.observed_since(healed_ns_) &&
         Nanoseconds(session_.now_ns() - start_ns) < patience)
    co_await session_.interruption().sleep(look_every);
}

asio::awaitable<CellEnd> Runner::guarded(asio::awaitable<void> body, std::shared_ptr<CellEnd> end) {
  std::exception_ptr interrupted;
  try {
    co_await std::move(body);
  } catch (const Interrupted&) {
    interrupted = std::current_exception();
    end->outcome = CellEnd::Outcome::aborted;
    end->detail = "interrupted";
  } catch (const std::exception& e) {
    end->outcome = CellEnd::Outcome::error;
    end->detail = e.what();
    end->stack_is_whole = false;
    end->prober_failed = !session_.prober_failure().empty();
  }
  co_await heal_all(*end);
  if (!interrupted && end->stack_is_whole) {
    try {
      co_await wait_for_observers();
      co_await session_.read_clocks();
      // Last, since what becomes due meanwhile is to be answered as well.
      co_await wait_for_results();
    } catch (const Interrupted&) {
      interrupted = std::current_exception();
    }
  }
  finish(*end);
  if (interrupted) std::rethrow_exception(interrupted);
  co_return *end;
}

void Runner::finish(CellEnd& end) {
  begin_phase("done");
  const char* outcome = end.outcome == CellEnd::Outcome::executed  ? "executed"
                        : end.outcome == CellEnd::Outcome::aborted ? "aborted"
                                                                   : "error";
  json::object fields{{"cell", cell_}, {"outcome", outcome}, {"detail", end.detail}};
  const auto cpu = cpu_times();
  if (cpu_at_begin_ && cpu) end.cpu_idle = idle_share(*cpu_at_begin_, *cpu);
  if (end.cpu_idle) fields["cpu_idle"] = *end.cpu_idle;
  session_.recorder().event("cell-finished", std::move(fields));
}

}  // namespace nospof::control
