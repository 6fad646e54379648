#include "faults/process_kill.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <signal.h>

#include "faults/parameters.hpp"
#include "faults/service_processes.hpp"
#include "system/cgroup.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr const char* kind_name = "process-kill";
// A process with much memory takes a while to die: 2 GB took 156 ms. 1 ms lies between two rounds.
constexpr int most_rounds = 500;
// A daemon that fails right after its start must not be taken for a healed one.
constexpr std::chrono::milliseconds stable_for{200};

struct Settings {
  std::string service;
  int signal = SIGKILL;
  bool all = true;   ///< every process, or only the main one
  bool hold = true;  ///< the supervisor must not restart it until it is healed
};

int ending_signal(const std::string& name) {
  const std::optional<int> number = signal_number(name);
  if (!number)
    throw Error(
        fmt::format("{}: unknown signal '{}'; give a name as in signal(7): KILL, TERM, SEGV, ...",
                    kind_name, name));
  constexpr std::array stopping{SIGSTOP, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU};
  constexpr std::array ignored{SIGCHLD, SIGURG, SIGWINCH};
  if (std::find(stopping.begin(), stopping.end(), *number) != stopping.end())
    throw Error(fmt::format("{}: signal {} ends no process; to stop a service use process-pause",
                            kind_name, name));
  if (std::find(ignored.begin(), ignored.end(), *number) != ignored.end())
    throw Error(fmt::format("{}: signal {} ends no process; use KILL or TERM", kind_name, name));
  return *number;
}

class ProcessKillInjection final : public kinds::Injection {
 public:
  ProcessKillInjection(Settings settings, kinds::ServiceManager& services, const Clock& clock)
      : settings_(std::move(settings)), services_(services), clock_(clock) {}

  std::vector<kinds::UndoRecord> undo() const override {
    return {{{"op", "start-service"}, {"service", settings_.service}}};
  }

  void inject() override {
    if (injected_) throw Error(fmt::format("{}: is in force already", kind_name));
    injected_ = true;
    if (settings_.hold) services_.hold_down(settings_.service);
    const kinds::ServiceState state = services_.state(settings_.service);
    if (!state.main_process)
      throw Error(fmt::format("{}: service '{}' ended by itself before it could be killed",
                              kind_name, settings_.service));
    main_ = *state.main_process;
    if (settings_.all)
      signal_all();
    else
      signal_one(main_);
  }

  kinds::Confirmation confirm() override {
    const auto survivors = living(signalled_);
    const std::size_t gone = signalled_.size() - survivors.size();
    const std::string count =
        fmt::format("{} of {} processes of {} gone after {}", gone, signalled_.size(),
                    settings_.service, signal_name(settings_.signal));
    if (signalled_.empty() || !survivors.empty()) {
      looks_held_ = 0;
      return {not_yet, count};
    }
    const kinds::ServiceState state = services_.state(settings_.service);
    return settings_.hold ? confirm_held(state, count) : confirm_loose(state, count);
  }

  kinds::Confirmation confirm_healed() override {
    const kinds::ServiceState state = services_.state(settings_.service);
    const auto now = clock_.now();
    const std::string& service = settings_.service;
    if (!state.running || !state.main_process || !state.wanted_up) {
      stable_main_.reset();
      return {not_yet, fmt::format("{} {}", service,
                                   state.running ? "runs, but its supervisor would not restart it"
                                                 : "is not running")};
    }
    const ProcessId main = *state.main_process;
    if (contains(signalled_, main))
      return {not_yet, fmt::format("main process {} of {} got {} and has not ended yet", main.pid,
                                   service, signal_name(settings_.signal))};
    if (!stable_main_ || *stable_main_ != main) {
      stable_main_ = main;
      stable_since_ = now;
    }
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - stable_since_);
    const std::string evidence = fmt::format(
        "{} runs under its supervisor, main process {} for {} ms", service, main.pid, age.count());
    return {age >= stable_for ? confirmed : not_yet, evidence};
  }

 private:
  using enum kinds::Confirmation::Outcome;

  void signal_one(const ProcessId& process) {
    signalled_.push_back(process);
    send_signal(process, settings_.signal);
  }

  // Processes that appear meanwhile are signalled too, until a round over a list made after the
  // last signal finds none; with KILL also until all are gone, because only then none of them can
  // have a fork under way. What forks and ends faster than it can be listed is the kernel's to
  // kill: nothing escapes that, but a service that may be restarted meanwhile can't be told apart.
  void signal_all() {
    for (int round = 0; round < most_rounds; ++round) {
      const kinds::ServiceState state = services_.state(settings_.service);
      bool found_new = false;
      bool waiting = false;
      for (const ProcessState& process : living(state.processes)) {
        if (is_successor(process.id, state)) continue;
        if (contains(signalled_, process.id)) {
          waiting = true;
        } else {
          signal_one(process.id);
          found_new = true;
        }
      }
      if (settings_.hold && settings_.signal == SIGKILL && !state.cgroup.empty()) {
        if (!is_cgroup_populated(state.cgroup)) return;
        kill_cgroup(state.cgroup);
        waiting = true;
      }
      if (!found_new && (!waiting || settings_.signal != SIGKILL)) return;
      if (!found_new) pause_between_rounds();
    }
  }

  // Without hold the supervisor may start the service again while we still look for the old one's
  // processes: the new one is left alone.
  bool is_successor(const ProcessId& process, const kinds::ServiceState& state) const {
    return !settings_.hold && state.main_process && *state.main_process != main_ &&
           process.start_time >= state.main_process->start_time;
  }

  kinds::Confirmation confirm_held(const kinds::ServiceState& state, const std::string& count) {
    const std::size_t left = settings_.all ? living(state.processes).size() : 0;
    if (state.running || state.wanted_up || left > 0) {
      looks_held_ = 0;
      return {not_yet, fmt::format("{}, but {}", count,
                                   state.running     ? "it runs again"
                                   : state.wanted_up ? "its supervisor would start it again"
                                                     : fmt::format("{} new ones live", left))};
    }
    // Once could be the moment between an end and a restart.
    if (++looks_held_ < 2) return {not_yet, count + ", not running at a first look"};
    return {confirmed, count + ", held down by its supervisor"};
  }

  kinds::Confirmation confirm_loose(const kinds::ServiceState& state,
                                    const std::string& count) const {
    const bool again = state.running && state.main_process && *state.main_process != main_;
    return {confirmed,
            count + (again ? fmt::format(", restarted as process {}", state.main_process->pid)
                           : std::string(", not running now"))};
  }

  Settings settings_;
  kinds::ServiceManager& services_;
  const Clock& clock_;
  bool injected_ = false;
  ProcessId main_;
  std::vector<ProcessId> signalled_;
  int looks_held_ = 0;
  std::optional<ProcessId> stable_main_;
  MonoTime stable_since_{};
};

class ProcessKill final : public kinds::Fault {
 public:
  explicit ProcessKill(Settings settings) : settings_(std::move(settings)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    require_running(kind_name, settings_.service, env);
    return std::make_unique<ProcessKillInjection>(settings_, *env.services, clock_of(env));
  }

 private:
  Settings settings_;
};

class ProcessKillKind final : public kinds::FaultKind {
 public:
  ProcessKillKind() {
    using spec::ParameterType;
    info_.name = kind_name;
    info_.summary = "A signal ends the processes of a service.";
    info_.target = spec::TargetType::service;
    info_.parameters = {{"signal",
                         ParameterType::text,
                         false,
                         "KILL",
                         {},
                         "Name of the signal; one that ends a process."},
                        {"scope",
                         ParameterType::text,
                         false,
                         "all",
                         {"main", "all"},
                         "Only the main process, or every process of the service."},
                        {"hold",
                         ParameterType::boolean,
                         false,
                         "true",
                         {},
                         "Whether its supervisor is kept from restarting it until it is healed."}};
    info_.needs = {"root", "cgroup2"};
    info_.prove_variants = {{"", {{"hold", true}, {"scope", std::string("all")}}}};
  }

  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const PlanReader given(info_, parameters);
    const std::string signal = given.text("signal");
    const std::string scope = given.text("scope");
    const bool hold = given.boolean("hold");
    const std::string name = signal_name(ending_signal(signal));
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_service_targets(info_, targets, service, stack)) {
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = {
          {"service", service}, {"signal", signal}, {"scope", scope}, {"hold", hold}};
      placement.effect = fmt::format(
          "SIG{} to {} of {} on {}{}", name, scope == "all" ? "every process" : "the main process",
          service, host->name, hold ? "; its supervisor does not restart it until healed" : "");
      placement.undo = fmt::format("starts {} under its supervisor", service);
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    Settings settings;
    settings.service = reader.text("service");
    settings.signal = ending_signal(reader.text_or("signal", "KILL"));
    const std::string scope = reader.text_or("scope", "all");
    if (scope != "all" && scope != "main") reader.refuse("scope", "must be 'main' or 'all'");
    settings.all = scope == "all";
    settings.hold = reader.boolean_or("hold", true);
    reader.done();
    return std::make_unique<ProcessKill>(std::move(settings));
  }

 private:
  spec::KindInfo info_;
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_process_kill() {
  return std::make_unique<ProcessKillKind>();
}

}  // namespace nospof::faults
