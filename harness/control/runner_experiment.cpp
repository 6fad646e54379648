// The runner's way through an experiment: several faults on a timeline, with abort conditions.

#include <cmath>

#include <fmt/format.h>

#include "control/limits.hpp"
#include "control/parallel.hpp"
#include "control/runner.hpp"
#include "system/check.hpp"

namespace nospof::control {

namespace {
using namespace std::chrono_literals;
}  // namespace

void Runner::refuse_beyond_limits(const ActiveFault& next) const {
  std::vector<std::string> broken = next.blast_radius();
  for (const auto& fault : faults_)
    if (fault->in_force())
      broken.insert(broken.end(), fault->blast_radius().begin(), fault->blast_radius().end());
  const std::string why = beyond_limits(session_.topology(), broken);
  if (!why.empty()) throw Error("beyond the limits of the topology: " + why);
}

asio::awaitable<void> Runner::one_fault(const spec::FaultSpec& fault, std::int64_t start_ns,
                                        bool& stop, CellEnd& end) {
  const auto until = [&](Nanoseconds offset) -> asio::awaitable<void> {
    while (!stop && Nanoseconds(session_.now_ns() - start_ns) < offset)
      co_await session_.interruption().sleep(std::min<Nanoseconds>(
          look_every,
          std::max<Nanoseconds>(offset - Nanoseconds(session_.now_ns() - start_ns), 1ms)));
  };
  co_await until(fault.at);
  if (stop) co_return;
  const std::vector<std::string> targets = co_await resolve(fault.targets);
  ActiveFault& active = add_fault(fault.id, fault.kind, targets, fault.service, fault.parameters);
  refuse_beyond_limits(active);
  co_await active.check();
  co_await active.inject(fault.duration + duration_margin);
  co_await active.confirm_by_witnesses();
  // In force for the whole duration, however long it took to get there.
  const Nanoseconds in_force_since(std::max(active.injected_ns(), start_ns) - start_ns);
  co_await until(in_force_since + fault.duration);
  if (!co_await active.heal()) end.healing_complete = false;
  healed_ns_ = session_.now_ns();
}

namespace {
double figure_value(spec::Figure figure, const verdict::LiveState& state) {
  switch (figure) {
    case spec::Figure::longest_outage:
      return static_cast<double>(state.longest.lower.count()) / 1e9;
    case spec::Figure::failed:
      return static_cast<double>(state.failed);
    case spec::Figure::availability:
      return state.total == 0
                 ? 1.0
                 : 1.0 - static_cast<double>(state.failed) / static_cast<double>(state.total);
    case spec::Figure::count:
    case spec::Figure::p50:
    case spec::Figure::p90:
    case spec::Figure::p99:
    case spec::Figure::p999:
    case spec::Figure::p9999:
    case spec::Figure::max:
    case spec::Figure::time_to_recover:
      break;
  }
  return std::nan("");
}
}  // namespace

asio::awaitable<void> Runner::experiment_body(const spec::Experiment& experiment, CellEnd& end) {
  co_await session_.read_clocks();
  co_await take_baseline(experiment.baseline);
  begin_phase("inject");
  injected_ns_ = session_.now_ns();
  const std::int64_t start_ns = injected_ns_;
  bool stop = false;
  std::size_t running = experiment.faults.size();
  std::vector<asio::awaitable<void>> tasks;
  const auto fault_task = [&](const spec::FaultSpec* fault) -> asio::awaitable<void> {
    std::exception_ptr error;
    try {
      co_await one_fault(*fault, start_ns, stop, end);
    } catch (...) {
      error = std::current_exception();
      stop = true;
    }
    --running;
    if (error) std::rethrow_exception(error);
  };
  const auto watch = [&]() -> asio::awaitable<void> {
    while (running > 0 && !stop) {
      co_await pause();
      const auto state = session_.live().since(start_ns, session_.now_ns());
      for (const spec::Abort& abort : experiment.aborts) {
        if (!abort.when.holds(figure_value(abort.figure, state))) continue;
        stop = true;
        end.outcome = CellEnd::Outcome::aborted;
        end.detail =
            fmt::format("abort condition: {} {}", spec::figure_name(abort.figure), abort.when.text);
      }
    }
  };
  const auto abort_task = [&]() -> asio::awaitable<void> {
    std::exception_ptr error;
    try {
      co_await watch();
    } catch (...) {
      // Nothing goes on being broken while nobody watches.
      error = std::current_exception();
      stop = true;
    }
    if (error) std::rethrow_exception(error);
  };
  for (const spec::FaultSpec& fault : experiment.faults) tasks.push_back(fault_task(&fault));
  tasks.push_back(abort_task());
  co_await in_parallel(session_.interruption().context(), std::move(tasks));
  co_await heal_all(end);
  const Pace pace{experiment.baseline, 0s, experiment.settle, experiment.recovery_deadline, 0s};
  co_await recover(pace, end);
}

asio::awaitable<CellEnd> Runner::run_experiment(const spec::Experiment& experiment) {
  begin("experiment", 1, 1);
  auto end = std::make_shared<CellEnd>();
  co_return co_await guarded(experiment_body(experiment, *end), end);
}

}  // namespace nospof::control
