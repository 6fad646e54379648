#include "faults/crash_loop.hpp"

#include <csignal>

#include <fmt/format.h>

#include "faults/driver.hpp"
#include "faults/parameters.hpp"
#include "faults/service_processes.hpp"
#include "faults/steady_service.hpp"
#include "system/cgroup.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;

constexpr const char* kind_name = "crash-loop";
constexpr auto look_every = 10ms;
// A supervisor may wait before a restart; runit's own wait is a second.
constexpr std::chrono::milliseconds longest_return = 8s;

void kill_service(const kinds::ServiceState& state) {
  for (const ProcessId& process : state.processes) send_signal(process, SIGKILL);
  if (!state.cgroup.empty()) kill_cgroup(state.cgroup);
}

// Kills the service whenever it has lived for `after`. The supervisor is left to do what it does.
void keep_killing(kinds::ServiceManager& services, const std::string& service,
                  std::chrono::milliseconds after, const DriverControl& control) {
  std::optional<ProcessId> seen;
  auto since = std::chrono::steady_clock::now();
  std::optional<ProcessId> killed;
  do {
    try {
      const kinds::ServiceState state = services.state(service);
      const auto now = std::chrono::steady_clock::now();
      if (state.main_process && state.main_process != seen) {
        seen = state.main_process;
        since = now;
      }
      if (!state.running || !seen || now - since < after) continue;
      kill_service(state);
      if (killed != seen) control.board().amount += 1;
      killed = seen;
    } catch (const std::exception&) {
      // Its folder is being made anew, or a process went between two looks: the next look tells.
    }
  } while (control.sleep(look_every));
}

struct Settings {
  std::string service;
  std::chrono::milliseconds after{0};
};

class CrashLoopInjection final : public kinds::Injection {
 public:
  CrashLoopInjection(Settings settings, kinds::ServiceState before, kinds::ServiceManager& services,
                     const Clock& clock)
      : settings_(std::move(settings)),
        before_(std::move(before)),
        services_(services),
        steady_(settings_.service, services, clock) {}

  std::vector<kinds::UndoRecord> undo() const override {
    return {{{"op", "start-service"}, {"service", settings_.service}}};
  }

  void inject() override {
    if (driver_.started()) throw Error(fmt::format("{}: is in force already", kind_name));
    driver_ = Driver({}, false, [this](const DriverControl& control) {
      keep_killing(services_, settings_.service, settings_.after, control);
    });
  }

  // Twice is a loop; so is a supervisor that gives up after the first time.
  kinds::Confirmation confirm() override {
    if (!driver_.alive())
      return {unable, fmt::format("what kills {} has ended: {}", settings_.service, driver_.end())};
    const std::int64_t kills = driver_.board().amount;
    const kinds::ServiceState state = services_.state(settings_.service);
    const std::string evidence =
        fmt::format("{} was killed {} times{}", settings_.service, kills,
                    state.wanted_up ? "" : "; its supervisor has given it up");
    const bool given_up = kills > 0 && !state.wanted_up && !state.running;
    return {kills >= 2 || given_up ? confirmed : not_yet, evidence};
  }

  void release() override { driver_.stop(); }

  kinds::Confirmation confirm_healed() override {
    const std::int64_t kills = driver_.started() ? driver_.board().amount.load() : 0;
    // Healed before its first kill, it goes on as it was.
    kinds::Confirmation answer =
        steady_.look(kills > 0 ? before_.processes : std::vector<ProcessId>{});
    if (driver_.started()) answer.evidence += fmt::format("; it was killed {} times", kills);
    return answer;
  }

 private:
  using enum kinds::Confirmation::Outcome;
  Settings settings_;
  kinds::ServiceState before_;
  kinds::ServiceManager& services_;
  SteadyService steady_;
  Driver driver_;
};

class CrashLoop final : public kinds::Fault {
 public:
  explicit CrashLoop(Settings settings) : settings_(std::move(settings)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    kinds::ServiceState state = require_running(kind_name, settings_.service, env);
    return std::make_unique<CrashLoopInjection>(settings_, std::move(state), *env.services,
                                                clock_of(env));
  }

 private:
  Settings settings_;
};

class CrashLoopKind final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const PlanReader given(info_, parameters);
    const auto after =
        std::chrono::duration_cast<std::chrono::milliseconds>(given.duration("after"));
    if (after < 0ms || after > 3s)
      throw Error(fmt::format("{}: parameter 'after' must be from 0 to 3 s", kind_name));
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_service_targets(info_, targets, service, stack)) {
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = {{"service", service}, {"after_ms", after.count()}};
      placement.effect = fmt::format("SIGKILL to every process of {} on {}, each time it returns",
                                     service, host->name);
      placement.undo = fmt::format("starts {} under its supervisor", service);
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    plan.confirm_within = longest_return + after;
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    Settings settings;
    settings.service = reader.text("service");
    settings.after = std::chrono::milliseconds(reader.integer_or("after_ms", 0, 0, 3000));
    reader.done();
    return std::make_unique<CrashLoop>(std::move(settings));
  }

 private:
  spec::KindInfo info_{
      .name = kind_name,
      .summary = "A service is killed each time it returns.",
      .target = spec::TargetType::service,
      .parameters = {{"after",
                      spec::ParameterType::duration,
                      false,
                      "0s",
                      {},
                      "How long it lives each time before it is killed; at most 3 s."}},
      .prove_variants = {},
      .needs = {"root", "cgroup2"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_crash_loop() {
  return std::make_unique<CrashLoopKind>();
}

}  // namespace nospof::faults
