#include "faults/process_terminate.hpp"

#include <fmt/format.h>

#include "faults/parameters.hpp"
#include "faults/service_processes.hpp"
#include "faults/steady_service.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;

constexpr const char* kind_name = "process-terminate";
// A database may write for a while before it ends.
constexpr std::chrono::milliseconds longest_end = 10s;

class ProcessTerminateInjection final : public kinds::Injection {
 public:
  ProcessTerminateInjection(kinds::ServiceState before, kinds::ServiceManager& services,
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

  kinds::Confirmation confirm() override {
    const kinds::ServiceState state = services_.state(before_.name);
    const std::size_t left = living(state.processes).size();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - begun_);
    if (state.wanted_up)
      return {not_yet, fmt::format("the supervisor of {} still wants it up", before_.name)};
    if (state.running || left > 0)
      return {not_yet, fmt::format("{} has not ended after {} ms; {} processes live", before_.name,
                                   took.count(), left)};
    return {confirmed, fmt::format("{} ended by itself within {} ms, all {} processes; its "
                                   "supervisor keeps it down",
                                   before_.name, took.count(), before_.processes.size())};
  }

  kinds::Confirmation confirm_healed() override { return steady_.look(before_.processes); }

 private:
  using enum kinds::Confirmation::Outcome;
  kinds::ServiceState before_;
  kinds::ServiceManager& services_;
  const Clock& clock_;
  SteadyService steady_;
  bool injected_ = false;
  MonoTime begun_{};
};

class ProcessTerminate final : public kinds::Fault {
 public:
  explicit ProcessTerminate(std::string service) : service_(std::move(service)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    kinds::ServiceState state = require_running(kind_name, service_, env);
    return std::make_unique<ProcessTerminateInjection>(std::move(state), *env.services,
                                                       clock_of(env));
  }

 private:
  std::string service_;
};

class ProcessTerminateKind final : public kinds::FaultKind {
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
      placement.effect =
          fmt::format("the supervisor of {} on {} ends it with its stop signal and keeps it down",
                      service, host->name);
      placement.undo = fmt::format("starts {} under its supervisor", service);
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    plan.confirm_within = longest_end;
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    std::string service = reader.text("service");
    reader.done();
    return std::make_unique<ProcessTerminate>(std::move(service));
  }

 private:
  spec::KindInfo info_{.name = kind_name,
                       .summary = "A service is ended in order and stays down until healed.",
                       .target = spec::TargetType::service,
                       .parameters = {},
                       .prove_variants = {},
                       .needs = {"root", "cgroup2"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_process_terminate() {
  return std::make_unique<ProcessTerminateKind>();
}

}  // namespace nospof::faults
