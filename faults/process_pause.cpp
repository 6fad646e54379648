#include "faults/process_pause.hpp"

#include <algorithm>
#include <numeric>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <signal.h>

#include "faults/parameters.hpp"
#include "faults/service_processes.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr const char* kind_name = "process-pause";
// A process in an uninterruptible wait stops only after it; 1 ms lies between two rounds.
constexpr int most_rounds = 500;
// For so many rounds a process may wait in the kernel and still come back with a fork.
constexpr int patient_rounds = 25;
// CPU time counts in ticks of 10 ms: a shorter look could miss a running process.
constexpr std::chrono::milliseconds cpu_look{50};

bool is_stopped(const ProcessState& process) {
  return process.state == 'T';
}

std::vector<ProcessId> ids_of(const std::vector<ProcessState>& processes) {
  std::vector<ProcessId> ids;
  for (const ProcessState& process : processes) ids.push_back(process.id);
  std::sort(ids.begin(), ids.end(),
            [](const ProcessId& a, const ProcessId& b) { return a.pid < b.pid; });
  return ids;
}

class ProcessPauseInjection final : public kinds::Injection {
 public:
  ProcessPauseInjection(kinds::ServiceState before, kinds::ServiceManager& services,
                        const Clock& clock)
      : before_(std::move(before)), services_(services), clock_(clock) {}

  // The cgroup stands for processes that are forked between now and inject().
  std::vector<kinds::UndoRecord> undo() const override {
    json::array processes;
    for (const ProcessId& id : before_.processes)
      processes.push_back(json::object{{"pid", id.pid}, {"start_time", id.start_time}});
    return {{{"op", "continue-processes"},
             {"processes", std::move(processes)},
             {"cgroup", before_.cgroup}}};
  }

  // A signal does not stop a fork that is under way, so one pass is not enough: it is over when two
  // lists in a row are equal and everybody on them was seen stopped. Who waits in the kernel may be
  // at a fork; it has to be seen there for longer.
  void inject() override {
    if (injected_) throw Error(fmt::format("{}: is in force already", kind_name));
    injected_ = true;
    std::vector<ProcessId> last_ids;
    int rounds_held = 0;
    for (int round = 0; round < most_rounds; ++round) {
      const auto processes = members();
      for (const ProcessState& process : processes)
        if (!is_stopped(process) && send_signal(process.id, SIGSTOP) &&
            !contains(signalled_, process.id))
          signalled_.push_back(process.id);
      const Count count = count_held(processes);
      const auto ids = ids_of(processes);
      rounds_held = count.all() && ids == last_ids ? rounds_held + 1 : 0;
      if (rounds_held >= (count.waiting == 0 ? 1 : patient_rounds)) return;
      last_ids = count.all() ? ids : std::vector<ProcessId>{};
      if (count.stopped < processes.size()) pause_between_rounds();
    }
  }

  kinds::Confirmation confirm() override {
    const auto processes = members();
    const Count count = count_held(processes);
    std::string evidence = fmt::format("{} of {} processes of {} stopped", count.stopped,
                                       processes.size(), before_.name);
    if (count.waiting > 0)
      evidence += fmt::format(", {} held in the kernel with SIGSTOP ahead", count.waiting);
    if (processes.empty() || !count.all()) {
      look_.reset();
      return {not_yet, evidence};
    }
    const auto now = clock_.now();
    const std::uint64_t ticks =
        std::accumulate(processes.begin(), processes.end(), std::uint64_t{0},
                        [](std::uint64_t sum, const auto& p) { return sum + p.cpu_ticks; });
    const auto ids = ids_of(processes);
    if (!look_ || look_->processes != ids || look_->cpu_ticks != ticks) {
      look_ = Look{now, ticks, ids};
      return {not_yet, evidence + ", first look at their CPU time"};
    }
    const auto apart = std::chrono::duration_cast<std::chrono::milliseconds>(now - look_->at);
    evidence +=
        fmt::format(", their CPU time stood still at {} ticks for {} ms", ticks, apart.count());
    return {apart >= cpu_look ? confirmed : not_yet, evidence};
  }

  kinds::Confirmation confirm_healed() override {
    const kinds::ServiceState state = services_.state(before_.name);
    auto processes = living(before_.processes);
    for (ProcessState& process : living(state.processes))
      if (!contains(before_.processes, process.id)) processes.push_back(std::move(process));
    const auto stopped = std::count_if(processes.begin(), processes.end(), [](const auto& process) {
      return is_stopped(process) || has_pending_stop(process.id);
    });
    if (stopped > 0)
      return {not_yet, fmt::format("{} of {} processes of {} still stopped", stopped,
                                   processes.size(), before_.name)};
    if (!state.running || !state.main_process)
      return {not_yet, fmt::format("no process of {} is stopped, but it is not running: it ended "
                                   "while it was paused or right after",
                                   before_.name)};
    const pid_t before = before_.main_process->pid;
    if (*state.main_process == *before_.main_process)
      return {confirmed, fmt::format("{} processes of {} run on, main process {} as before",
                                     processes.size(), before_.name, before)};
    return {confirmed, fmt::format("{} runs; its supervisor replaced main process {} by {}",
                                   before_.name, before, state.main_process->pid)};
  }

 private:
  using enum kinds::Confirmation::Outcome;

  struct Look {
    MonoTime at;
    std::uint64_t cpu_ticks = 0;
    std::vector<ProcessId> processes;
  };

  struct Count {
    std::size_t stopped = 0;
    std::size_t waiting = 0;  ///< in the kernel, never to run a user's instruction before SIGCONT
    std::size_t of = 0;
    bool all() const { return stopped + waiting == of; }
  };

  // A process in an uninterruptible wait (on a disk, or in vfork for its stopped child) can't
  // become "stopped", but does not get out of the kernel either once it has been sent SIGSTOP.
  Count count_held(const std::vector<ProcessState>& processes) const {
    Count count;
    count.of = processes.size();
    for (const ProcessState& process : processes) {
      if (is_stopped(process))
        ++count.stopped;
      else if (process.state == 'D' && contains(signalled_, process.id))
        ++count.waiting;
    }
    return count;
  }

  std::vector<ProcessState> members() const {
    return living(services_.state(before_.name).processes);
  }

  kinds::ServiceState before_;
  kinds::ServiceManager& services_;
  const Clock& clock_;
  bool injected_ = false;
  std::vector<ProcessId> signalled_;
  std::optional<Look> look_;
};

class ProcessPause final : public kinds::Fault {
 public:
  explicit ProcessPause(std::string service) : service_(std::move(service)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    kinds::ServiceState state = require_running(kind_name, service_, env);
    if (state.cgroup.empty())
      throw Error(
          fmt::format("{}: service '{}' on host '{}' has no cgroup of its own, so processes "
                      "it forks meanwhile could not be continued for sure",
                      kind_name, service_, env.host));
    for (const ProcessState& process : living(state.processes))
      if (process.state == 'T' || process.state == 't')
        throw Error(
            fmt::format("{}: process {} ({}) of service '{}' on host '{}' is {} already, by "
                        "somebody else; continue it first",
                        kind_name, process.id.pid, process.command, service_, env.host,
                        process.state == 'T' ? "stopped" : "held by a debugger"));
    return std::make_unique<ProcessPauseInjection>(std::move(state), *env.services, clock_of(env));
  }

 private:
  std::string service_;
};

class ProcessPauseKind final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const PlanReader given(info_, parameters);
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_service_targets(info_, targets, service, stack)) {
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = {{"service", service}};
      placement.effect = fmt::format("SIGSTOP to every process of {} on {}", service, host->name);
      placement.undo = "SIGCONT to the same processes";
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    std::string service = reader.text("service");
    reader.done();
    return std::make_unique<ProcessPause>(std::move(service));
  }

 private:
  spec::KindInfo info_{
      .name = kind_name,
      .summary = "Every process of a service is stopped; it looks alive to the kernel.",
      .target = spec::TargetType::service,
      .parameters = {},
      .prove_variants = {spec::ProveVariant{}},
      .needs = {"root", "cgroup2"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_process_pause() {
  return std::make_unique<ProcessPauseKind>();
}

}  // namespace nospof::faults
