#include "faults/process_restart.hpp"

#include <fmt/format.h>

#include "faults/parameters.hpp"
#include "faults/service_processes.hpp"
#include "faults/steady_service.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;

constexpr const char* kind_name = "process-restart";
constexpr std::chrono::milliseconds longest_restart = 12s;

std::chrono::milliseconds whole_ms(Nanoseconds duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration);
}

class ProcessRestartInjection final : public kinds::Injection {
 public:
  ProcessRestartInjection(kinds::ServiceState before, kinds::ServiceManager& services,
                          const Clock& clock)
      : before_(std::move(before)),
        services_(services),
        clock_(clock),
        steady_(before_.name, services, clock) {}

  std::vector<kinds::UndoRecord> undo() const override {
    return {{{"op", "start-service"}, {"service", before_.name}}};
  }

  void inject() override {
    if (injected_) throw Error(fmt::format("{}: is in force already", kind_name));
    injected_ = true;
    begun_ = clock_.now();
    services_.stop(before_.name);
  }

  // The second half of the restart belongs here: ending in order takes its time, and nobody may
  // wait for it in inject().
  kinds::Confirmation confirm() override {
    if (!down_after_) {
      const kinds::ServiceState state = services_.state(before_.name);
      if (state.running || !living(state.processes).empty())
        return {not_yet, fmt::format("{} has not ended yet", before_.name)};
      down_after_ = whole_ms(clock_.now() - begun_);
      services_.start(before_.name);
    }
    kinds::Confirmation answer = steady_.look(before_.processes);
    if (answer.outcome == confirmed && !up_after_) up_after_ = whole_ms(clock_.now() - begun_);
    answer.evidence =
        fmt::format("main process {} of {} ended within {} ms; {}", before_.main_process->pid,
                    before_.name, down_after_->count(), answer.evidence);
    return answer;
  }

  kinds::Confirmation confirm_healed() override {
    kinds::Confirmation answer = steady_.look({});
    if (up_after_) answer.evidence += fmt::format(", restarted within {} ms", up_after_->count());
    return answer;
  }

 private:
  using enum kinds::Confirmation::Outcome;
  kinds::ServiceState before_;
  kinds::ServiceManager& services_;
  const Clock& clock_;
  SteadyService steady_;
  bool injected_ = false;
  MonoTime begun_{};
  std::optional<std::chrono::milliseconds> down_after_;
  std::optional<std::chrono::milliseconds> up_after_;
};

class ProcessRestart final : public kinds::Fault {
 public:
  explicit ProcessRestart(std::string service) : service_(std::move(service)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    kinds::ServiceState state = require_running(kind_name, service_, env);
    return std::make_unique<ProcessRestartInjection>(std::move(state), *env.services,
                                                     clock_of(env));
  }

 private:
  std::string service_;
};

class ProcessRestartKind final : public kinds::FaultKind {
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
      placement.effect = fmt::format("the supervisor of {} on {} ends it in order and starts it",
                                     service, host->name);
      placement.undo = fmt::format("starts {} under its supervisor, should it be down", service);
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    plan.confirm_within = longest_restart;
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    std::string service = reader.text("service");
    reader.done();
    return std::make_unique<ProcessRestart>(std::move(service));
  }

 private:
  spec::KindInfo info_{.name = kind_name,
                       .summary = "A service is ended in order and started again.",
                       .target = spec::TargetType::service,
                       .parameters = {},
                       .prove_variants = {},
                       .needs = {"root", "cgroup2"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_process_restart() {
  return std::make_unique<ProcessRestartKind>();
}

}  // namespace nospof::faults
