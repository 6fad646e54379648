#include "faults/cpu_stress.hpp"

#include <thread>

#include <fmt/format.h>

#include "faults/parameters.hpp"
#include "faults/stressors.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;

constexpr const char* kind_name = "cpu-stress";
constexpr std::int64_t most_workers = 64;
constexpr auto slice = 10ms;
constexpr auto least_look = 200ms;
// What the host's limit or the machine's other work leaves is not the fault's to judge.
constexpr double least_share = 0.05;

struct Settings {
  std::int64_t workers = 0;  ///< 0: one for each CPU
  double load = 1;
};

void burn(double load, const DriverControl& control) {
  const auto busy = std::chrono::duration_cast<std::chrono::nanoseconds>(slice * load);
  while (!control.stopping()) {
    const auto begun = std::chrono::steady_clock::now();
    volatile std::uint64_t sum = 0;
    while (std::chrono::steady_clock::now() - begun < busy)
      for (int i = 0; i < 1000; ++i) sum = sum + static_cast<std::uint64_t>(i);
    if (load < 1) control.sleep(slice - busy);
  }
}

class CpuStressInjection final : public kinds::Injection {
 public:
  CpuStressInjection(Settings settings, DriverPlace place, const Clock& clock)
      : settings_(settings), stressors_(std::move(place)), clock_(clock) {}

  std::vector<kinds::UndoRecord> undo() const override { return stressors_.undo(); }

  void inject() override {
    stressors_.start(
        kind_name, static_cast<std::size_t>(settings_.workers),
        [load = settings_.load](const DriverControl& control) { burn(load, control); });
  }

  kinds::Confirmation confirm() override {
    const std::size_t alive = stressors_.alive();
    if (alive < stressors_.count())
      return {unable, fmt::format("{} of {} workers have ended: {}", stressors_.count() - alive,
                                  stressors_.count(), stressors_.end())};
    const auto now = clock_.now();
    const auto used = stressors_.cpu_time();
    if (!since_) {
      since_ = now;
      used_before_ = used;
      return {not_yet, "first look at their CPU time"};
    }
    const auto apart = now - *since_;
    const double cpus =
        static_cast<double>((used - used_before_).count()) / static_cast<double>(apart.count());
    const double asked = static_cast<double>(settings_.workers) * settings_.load;
    const std::string evidence =
        fmt::format("{} workers took {:.2f} CPUs of {:.2f} asked, in {} ms", alive, cpus, asked,
                    std::chrono::duration_cast<std::chrono::milliseconds>(apart).count());
    return {apart >= least_look && cpus >= asked * least_share ? confirmed : not_yet, evidence};
  }

  void release() override { stressors_.stop(); }

  kinds::Confirmation confirm_healed() override {
    const std::size_t alive = stressors_.alive();
    if (alive > 0) return {not_yet, fmt::format("{} workers still live", alive)};
    return {confirmed, "no worker lives"};
  }

 private:
  using enum kinds::Confirmation::Outcome;
  Settings settings_;
  Stressors stressors_;
  const Clock& clock_;
  std::optional<MonoTime> since_;
  std::chrono::nanoseconds used_before_{0};
};

class CpuStress final : public kinds::Fault {
 public:
  explicit CpuStress(Settings settings) : settings_(settings) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    Settings settings = settings_;
    if (settings.workers == 0)
      settings.workers = std::max<std::int64_t>(std::thread::hardware_concurrency(), 1);
    return std::make_unique<CpuStressInjection>(settings, stressor_place(kind_name, env),
                                                clock_of(env));
  }

 private:
  Settings settings_;
};

class CpuStressKind final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const PlanReader given(info_, parameters);
    const std::int64_t workers = given.integer("workers");
    const double load = given.share("load");
    if (workers < 0 || workers > most_workers)
      throw Error(
          fmt::format("{}: parameter 'workers' must be from 0 to {}", kind_name, most_workers));
    if (load < 0.01)
      throw Error(fmt::format("{}: parameter 'load' must be at least 1%", kind_name));
    return plan_stress(info_, targets, service, stack, {{"workers", workers}, {"load", load}},
                       fmt::format("{} that take {:.0f} % of a CPU each",
                                   workers == 0 ? "as many processes as there are CPUs"
                                                : fmt::format("{} processes", workers),
                                   load * 100));
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    Settings settings;
    settings.workers = reader.integer_or("workers", 0, 0, most_workers);
    settings.load = reader.number_or("load", 1, 0.01, 1);
    reader.done();
    return std::make_unique<CpuStress>(settings);
  }

 private:
  spec::KindInfo info_{.name = kind_name,
                       .summary = "Other work takes the CPU time of a host.",
                       .target = spec::TargetType::host,
                       .parameters = {{"workers",
                                       spec::ParameterType::integer,
                                       false,
                                       "0",
                                       {},
                                       "Number of processes, at most 64; 0: one for each CPU."},
                                      {"load",
                                       spec::ParameterType::percent,
                                       false,
                                       "100%",
                                       {},
                                       "Share of one CPU that each of them takes, from 1%."}},
                       .prove_variants = {},
                       .needs = {"root", "cgroup2"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_cpu_stress() {
  return std::make_unique<CpuStressKind>();
}

}  // namespace nospof::faults
