#include "faults/fd_exhaustion.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

#include "faults/parameters.hpp"
#include "faults/service_processes.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr const char* kind_name = "fd-exhaustion";

/// The lowest number that no open file of the process has: what open() would return. It is refused
/// when it is not below the limit.
std::uint64_t next_descriptor(pid_t pid) {
  std::vector<std::uint64_t> open;
  std::error_code failure;
  for (const auto& entry :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid), failure)) {
    const std::string name = entry.path().filename().string();
    std::uint64_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    open.push_back(number);
  }
  if (failure)
    throw SystemError(fmt::format("list open files of process {}", pid), failure.value());
  std::sort(open.begin(), open.end());
  std::uint64_t next = 0;
  for (const std::uint64_t number : open)
    if (number == next) ++next;
  return next;
}

std::optional<rlimit> limit_of(pid_t pid) {
  rlimit limit{};
  if (::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) == 0) return limit;
  if (errno == ESRCH) return std::nullopt;
  if (errno == EPERM)
    throw Error(
        fmt::format("{}: the limits of process {} are another user's, and this one has not the "
                    "capability CAP_SYS_RESOURCE that they need",
                    kind_name, pid));
  throw SystemError(fmt::format("read the limits of process {}", pid), errno);
}

struct Target {
  ProcessId id;
  rlimit before{};
  rlim_t lowered = 0;
};

class FdExhaustionInjection final : public kinds::Injection {
 public:
  FdExhaustionInjection(std::string service, std::string cgroup, std::vector<Target> targets,
                        kinds::ServiceManager& services)
      : service_(std::move(service)),
        cgroup_(std::move(cgroup)),
        targets_(std::move(targets)),
        services_(services) {}

  std::vector<kinds::UndoRecord> undo() const override {
    json::array processes;
    for (const Target& target : targets_)
      processes.push_back(json::object{{"pid", target.id.pid},
                                       {"start_time", target.id.start_time},
                                       {"soft", target.before.rlim_cur},
                                       {"hard", target.before.rlim_max},
                                       {"lowered", target.lowered}});
    return {
        {{"op", "restore-file-limits"}, {"processes", std::move(processes)}, {"cgroup", cgroup_}}};
  }

  // The soft limit only: nobody without privileges could raise the hard one again.
  void inject() override {
    if (injected_) throw Error(fmt::format("{}: is in force already", kind_name));
    injected_ = true;
    for (const Target& target : targets_) {
      const auto state = read_process(target.id.pid);
      if (!state || state->id != target.id) continue;
      const rlimit lowered{target.lowered, target.before.rlim_max};
      if (::prlimit(target.id.pid, RLIMIT_NOFILE, &lowered, nullptr) < 0 && errno != ESRCH)
        throw SystemError(fmt::format("limit the files of process {}", target.id.pid), errno);
    }
  }

  kinds::Confirmation confirm() override {
    std::size_t lowered = 0;
    std::size_t exhausted = 0;
    std::size_t alive = 0;
    std::string free;
    for (const Target& target : targets_) {
      if (!is_alive(target.id)) continue;
      ++alive;
      const auto limit = limit_of(target.id.pid);
      if (!limit || limit->rlim_cur != target.lowered) continue;
      ++lowered;
      if (next_descriptor(target.id.pid) >= target.lowered)
        ++exhausted;
      else
        free += fmt::format(" {}", target.id.pid);
    }
    const std::string evidence =
        fmt::format("{} of {} processes of {} can open no further file{}", exhausted, alive,
                    service_, free.empty() ? "" : "; files were closed since in" + free);
    if (alive == 0) return {unable, "none of its processes lives any more"};
    // One that closes a file gets it back: what counts is that nobody gets more than he had.
    return {lowered == alive && exhausted > 0 ? confirmed : not_yet, evidence};
  }

  kinds::Confirmation confirm_healed() override {
    std::size_t same = 0;
    for (const Target& target : targets_) {
      if (!is_alive(target.id)) continue;
      const auto limit = limit_of(target.id.pid);
      if (!limit) continue;
      if (limit->rlim_cur != target.before.rlim_cur || limit->rlim_max != target.before.rlim_max)
        return {not_yet, fmt::format("process {} of {} may open {} files, before {}", target.id.pid,
                                     service_, limit->rlim_cur, target.before.rlim_cur)};
      ++same;
    }
    if (!services_.state(service_).running)
      return {not_yet, fmt::format("{} is not running: it did not survive", service_)};
    return {confirmed, fmt::format("{} of {} processes of {} live and have their limits as before",
                                   same, targets_.size(), service_)};
  }

 private:
  using enum kinds::Confirmation::Outcome;
  std::string service_;
  std::string cgroup_;
  std::vector<Target> targets_;
  kinds::ServiceManager& services_;
  bool injected_ = false;
};

class FdExhaustion final : public kinds::Fault {
 public:
  explicit FdExhaustion(std::string service) : service_(std::move(service)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    const kinds::ServiceState state = require_running(kind_name, service_, env);
    std::vector<Target> targets;
    for (const ProcessState& process : living(state.processes)) {
      const auto limit = limit_of(process.id.pid);
      if (!limit) continue;
      Target target{process.id, *limit, next_descriptor(process.id.pid)};
      if (target.lowered >= limit->rlim_cur)
        throw Error(
            fmt::format("{}: process {} of service '{}' on host '{}' has reached its limit "
                        "of {} open files already",
                        kind_name, process.id.pid, service_, env.host, limit->rlim_cur));
      targets.push_back(target);
    }
    return std::make_unique<FdExhaustionInjection>(service_, state.cgroup, std::move(targets),
                                                   *env.services);
  }

 private:
  std::string service_;
};

class FdExhaustionKind final : public kinds::FaultKind {
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
      placement.effect = fmt::format(
          "the processes of {} on {} can open no further file or connection", service, host->name);
      placement.undo = "the same processes get their limits back";
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    std::string service = reader.text("service");
    reader.done();
    return std::make_unique<FdExhaustion>(std::move(service));
  }

 private:
  spec::KindInfo info_{
      .name = kind_name,
      .summary = "The processes of a service can open no further file or connection.",
      .target = spec::TargetType::service,
      .parameters = {},
      .prove_variants = {},
      .needs = {"root", "cgroup2"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_fd_exhaustion() {
  return std::make_unique<FdExhaustionKind>();
}

}  // namespace nospof::faults
