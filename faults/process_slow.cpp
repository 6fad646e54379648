#include "faults/process_slow.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "faults/driver.hpp"
#include "faults/parameters.hpp"
#include "faults/service_processes.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr const char* kind_name = "process-slow";
// As the kernel's own quota has it.
constexpr auto period = 100ms;
constexpr auto look_every = 4ms;
constexpr std::chrono::milliseconds confirm_look = 500ms;
constexpr double tolerance = 1.25;

/// CPU time of a service, also that of processes which come and go.
class CpuMeter {
 public:
  /// What its processes have used since the last call.
  nanoseconds used(const std::vector<ProcessId>& processes) {
    nanoseconds sum{0};
    std::map<pid_t, nanoseconds> now;
    for (const ProcessId& id : processes) {
      const auto time = process_cpu_time(id.pid);
      if (!time) continue;
      const auto before = last_.find(id.pid);
      if (before == last_.end())
        sum += first_ ? nanoseconds(0) : *time;
      else if (*time > before->second)
        sum += *time - before->second;
      now[id.pid] = *time;
    }
    first_ = false;
    last_ = std::move(now);
    return sum;
  }

 private:
  std::map<pid_t, nanoseconds> last_;
  bool first_ = true;
};

// What the kernel's quota does, by signals: who has used up what he may in a period is stopped
// until the next one; who used more has less then.
void hold_back(kinds::ServiceManager& services, const std::string& service, double cpus,
               const DriverControl& control) {
  const auto allowed = nanoseconds(
      static_cast<std::int64_t>(cpus * static_cast<double>(nanoseconds(period).count())));
  CpuMeter meter;
  nanoseconds budget = allowed;
  auto next = std::chrono::steady_clock::now() + period;
  bool stopped = false;
  std::vector<ProcessId> processes;
  while (!control.stopping() || stopped) {
    try {
      processes = services.state(service).processes;
      budget -= meter.used(processes);
      const auto now = std::chrono::steady_clock::now();
      while (now >= next) {
        next += period;
        budget = std::min(budget + allowed, allowed);
      }
      // Also in the middle of a stop: new processes may have come.
      if (budget <= 0ns && !control.stopping()) {
        if (!stopped) control.board().amount += 1;
        stopped = true;
        for (const ProcessId& id : processes) send_signal(id, SIGSTOP);
      } else if (stopped) {
        stopped = false;
        for (const ProcessId& id : processes) send_signal(id, SIGCONT);
      }
      control.board().rounds += 1;
    } catch (const std::exception&) {
      // A process or the service's folder went between two looks: the next one tells.
    }
    control.sleep(look_every);
  }
}

struct Settings {
  std::string service;
  double cpus = 0.1;
};

class ProcessSlowInjection final : public kinds::Injection {
 public:
  ProcessSlowInjection(Settings settings, kinds::ServiceState before, std::string quota_group,
                       kinds::ServiceManager& services, const Clock& clock)
      : settings_(std::move(settings)),
        before_(std::move(before)),
        group_(std::move(quota_group)),
        services_(services),
        clock_(clock) {}

  std::vector<kinds::UndoRecord> undo() const override {
    if (!group_.empty())
      return {{{"op", "dissolve-group"},
               {"group", group_},
               {"into", std::filesystem::path(group_).parent_path().string()}}};
    json::array processes;
    for (const ProcessId& id : before_.processes)
      processes.push_back(json::object{{"pid", id.pid}, {"start_time", id.start_time}});
    return {{{"op", "continue-processes"},
             {"processes", std::move(processes)},
             {"cgroup", before_.cgroup}}};
  }

  void inject() override {
    if (injected_) throw Error(fmt::format("{}: is in force already", kind_name));
    injected_ = true;
    if (group_.empty()) {
      driver_ = Driver({}, true, [this](const DriverControl& control) {
        hold_back(services_, settings_.service, settings_.cpus, control);
      });
      return;
    }
    std::filesystem::create_directory(group_);
    set_cpu_quota(group_, settings_.cpus);
    move_into_group();
  }

  kinds::Confirmation confirm() override {
    const std::string& service = settings_.service;
    if (group_.empty() && !driver_.alive())
      return {unable, fmt::format("what holds {} back has ended: {}", service, driver_.end())};
    if (!group_.empty()) move_into_group();
    const kinds::ServiceState state = services_.state(service);
    if (state.processes.empty()) return {not_yet, fmt::format("{} has no process", service)};
    if (group_.empty() && driver_.board().rounds == 0) return {not_yet, "not looked yet"};
    const auto now = clock_.now();
    const nanoseconds used = meter_.used(state.processes);
    if (!look_) {
      look_ = now;
      used_ = 0ns;
      return {not_yet, fmt::format("first look at the CPU time of {}", service)};
    }
    used_ += used;
    const auto apart = now - *look_;
    const double cpus = static_cast<double>(used_.count()) / static_cast<double>(apart.count());
    const std::string evidence = fmt::format(
        "{} used {:.1f} % of a CPU in {} ms, allowed are {:.1f} %; {}", service, cpus * 100,
        std::chrono::duration_cast<std::chrono::milliseconds>(apart).count(), settings_.cpus * 100,
        mechanism());
    if (apart < confirm_look) return {not_yet, evidence};
    if (cpus <= settings_.cpus * tolerance) return {confirmed, evidence};
    // What it used before it was held back for the first time does not count for ever.
    look_.reset();
    return {not_yet, evidence};
  }

  void release() override { driver_.stop(); }

  kinds::Confirmation confirm_healed() override {
    if (driver_.alive()) return {not_yet, "what holds it back still runs"};
    if (!group_.empty() && std::filesystem::exists(group_))
      return {not_yet, fmt::format("{} is still there", group_)};
    const kinds::ServiceState state = services_.state(settings_.service);
    for (const ProcessState& process : living(state.processes))
      if (process.state == 'T' || has_pending_stop(process.id))
        return {not_yet,
                fmt::format("process {} of {} is stopped", process.id.pid, settings_.service)};
    if (!state.running) return {not_yet, fmt::format("{} is not running", settings_.service)};
    return {confirmed, fmt::format("{} processes of {} run without a limit of ours",
                                   state.processes.size(), settings_.service)};
  }

 private:
  using enum kinds::Confirmation::Outcome;

  std::string mechanism() const {
    if (!group_.empty()) return "by the kernel's CPU quota";
    return fmt::format("by signals, stopped {} times", driver_.board().amount.load());
  }

  // What is forked by a member is born a member; what its supervisor starts anew is not.
  void move_into_group() {
    for (const ProcessId& id : services_.state(settings_.service).processes) {
      if (moved_.contains(id.pid) && moved_.at(id.pid) == id.start_time) continue;
      try {
        write_control_file(group_ + "/cgroup.procs", std::to_string(id.pid));
        moved_[id.pid] = id.start_time;
      } catch (const SystemError& e) {
        if (e.error_number() != ESRCH) throw;
      }
    }
  }

  Settings settings_;
  kinds::ServiceState before_;
  std::string group_;
  kinds::ServiceManager& services_;
  const Clock& clock_;
  bool injected_ = false;
  Driver driver_;
  std::map<pid_t, std::uint64_t> moved_;
  CpuMeter meter_;
  std::optional<MonoTime> look_;
  nanoseconds used_{0};
};

class ProcessSlow final : public kinds::Fault {
 public:
  explicit ProcessSlow(Settings settings) : settings_(std::move(settings)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    kinds::ServiceState state = require_running(kind_name, settings_.service, env);
    if (state.cgroup.empty())
      throw Error(
          fmt::format("{}: service '{}' on host '{}' has no cgroup of its own, so processes "
                      "it forks meanwhile could not be found again for sure",
                      kind_name, settings_.service, env.host));
    for (const ProcessState& process : living(state.processes))
      if (process.state == 'T')
        throw Error(
            fmt::format("{}: process {} of service '{}' on host '{}' is stopped already, by "
                        "somebody else; continue it first",
                        kind_name, process.id.pid, settings_.service, env.host));
    // In cgroup2 a service can't leave its group for one with a quota; there signals do it.
    const std::string cpu = own_limit_groups(env.cgroup).cpu;
    std::string group;
    if (!cpu.empty() && !is_cgroup2(cpu))
      group = cpu + "/" + std::filesystem::path(new_driver_cgroup(env)).filename().string();
    return std::make_unique<ProcessSlowInjection>(settings_, std::move(state), std::move(group),
                                                  *env.services, clock_of(env));
  }

 private:
  Settings settings_;
};

class ProcessSlowKind final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const PlanReader given(info_, parameters);
    const double cpus = given.share("cpu");
    if (cpus < 0.01) throw Error(fmt::format("{}: parameter 'cpu' must be at least 1%", kind_name));
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_service_targets(info_, targets, service, stack)) {
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = {{"service", service}, {"cpu", cpus}};
      placement.effect =
          fmt::format("{} on {} gets at most {:.0f} % of one CPU", service, host->name, cpus * 100);
      placement.undo = "takes the quota off, or SIGCONT to the same processes";
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    plan.confirm_within = 4s;
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    Settings settings;
    settings.service = reader.text("service");
    settings.cpus = reader.number_or("cpu", 0.1, 0.01, 1);
    reader.done();
    return std::make_unique<ProcessSlow>(std::move(settings));
  }

 private:
  spec::KindInfo info_{.name = kind_name,
                       .summary = "A service gets only a share of a CPU.",
                       .target = spec::TargetType::service,
                       .parameters = {{"cpu",
                                       spec::ParameterType::percent,
                                       false,
                                       "10%",
                                       {},
                                       "Share of one CPU that it may use, from 1% to 100%."}},
                       .prove_variants = {},
                       .needs = {"root", "cgroup2"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_process_slow() {
  return std::make_unique<ProcessSlowKind>();
}

}  // namespace nospof::faults
