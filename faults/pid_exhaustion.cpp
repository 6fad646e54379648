#include "faults/pid_exhaustion.hpp"

#include <csignal>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults/driver.hpp"
#include "faults/parameters.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;

constexpr const char* kind_name = "pid-exhaustion";

// Tries to make one process where the host makes its own, and ends it at once.
void try_to_fork(const DriverControl& control) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  if (pid < 0)
    control.board().failure = errno;
  else
    ::waitpid(pid, nullptr, 0);
}

class PidExhaustionInjection final : public kinds::Injection {
 public:
  PidExhaustionInjection(std::string host, LimitGroups pids, std::int64_t before,
                         std::int64_t lowered, std::string probe_cgroup)
      : host_(std::move(host)),
        groups_(std::move(pids)),
        before_(before),
        lowered_(lowered),
        probe_cgroup_(std::move(probe_cgroup)) {}

  std::vector<kinds::UndoRecord> undo() const override {
    return {remove_cgroup_record(probe_cgroup_),
            {{"op", "restore-control"},
             {"file", groups_.pids + "/pids.max"},
             {"old", text(before_)},
             {"ours", text(lowered_)}}};
  }

  void inject() override {
    if (injected_) throw Error(fmt::format("{}: is in force already", kind_name));
    injected_ = true;
    write_control_file(groups_.pids + "/pids.max", text(lowered_));
  }

  kinds::Confirmation confirm() override {
    const std::int64_t limit = process_limit(groups_.pids);
    if (limit != lowered_)
      return {not_yet, fmt::format("the limit of {} is {}, not {}", host_, limit, lowered_)};
    const int failure = probe();
    const std::string evidence = fmt::format("{} processes and threads on {}, limit {}",
                                             process_count(groups_.pids), host_, limit);
    if (failure < 0) return {not_yet, evidence};
    if (failure == EAGAIN) return {confirmed, evidence + "; a further one could not be started"};
    return {not_yet, evidence + "; a further one could be started"};
  }

  kinds::Confirmation confirm_healed() override {
    const std::int64_t limit = process_limit(groups_.pids);
    if (limit != before_)
      return {not_yet,
              fmt::format("the limit of {} is {}, before {}", host_, text(limit), text(before_))};
    return {confirmed, fmt::format("the limit of {} is {} as before", host_, text(limit))};
  }

 private:
  using enum kinds::Confirmation::Outcome;

  static std::string text(std::int64_t limit) { return limit < 0 ? "max" : std::to_string(limit); }

  // errno of the last try, 0 when it worked, -1 while it is under way.
  int probe() {
    if (!prober_.started()) {
      prober_ = Driver({probe_cgroup_, groups_}, false, try_to_fork);
      return -1;
    }
    if (prober_.alive()) return -1;
    const int failure = prober_.board().failure;
    prober_ = Driver();
    return failure;
  }

  std::string host_;
  LimitGroups groups_;
  std::int64_t before_;
  std::int64_t lowered_;
  std::string probe_cgroup_;
  bool injected_ = false;
  Driver prober_;
};

class PidExhaustion final : public kinds::Fault {
 public:
  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    const LimitGroups found = own_limit_groups(env.cgroup);
    if (found.pids.empty())
      throw Error(
          fmt::format("{}: host '{}' has no group of its own under the cgroup controller "
                      "'pids', and the machine's own limit is not touched; mount the "
                      "controller and bring the host up again",
                      kind_name, env.host));
    const std::int64_t before = process_limit(found.pids);
    const std::int64_t lowered = process_count(found.pids);
    if (before >= 0 && before <= lowered)
      throw Error(fmt::format("{}: host '{}' has reached its limit of {} processes already",
                              kind_name, env.host, before));
    return std::make_unique<PidExhaustionInjection>(env.host, LimitGroups{{}, {}, found.pids},
                                                    before, lowered, new_driver_cgroup(env));
  }
};

class PidExhaustionKind final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_targets(info_, targets, stack)) {
      kinds::Placement placement;
      placement.host = host->name;
      placement.effect =
          fmt::format("no further process or thread can be started on {}", host->name);
      placement.undo = "the host's limit is what it was";
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    reader.done();
    return std::make_unique<PidExhaustion>();
  }

 private:
  spec::KindInfo info_{.name = kind_name,
                       .summary = "No further process or thread can be started on a host.",
                       .target = spec::TargetType::host,
                       .parameters = {},
                       .prove_variants = {},
                       .needs = {"root", "cgroup-pids"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_pid_exhaustion() {
  return std::make_unique<PidExhaustionKind>();
}

}  // namespace nospof::faults
