#include "faults/host_freeze.hpp"

#include <fmt/format.h>

#include "faults/host_power.hpp"
#include "faults/parameters.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr const char* kind_name = "host-freeze";
// CPU time of a group is accounted at the latest with a timer tick; the longest is 10 ms.
constexpr std::chrono::milliseconds cpu_look{50};

class HostFreezeInjection final : public kinds::Injection {
 public:
  HostFreezeInjection(std::string host, Nanoseconds at_most, int boots, kinds::HostPower& power,
                      const Clock& clock)
      : host_(std::move(host)),
        at_most_(at_most),
        boots_before_(boots),
        power_(power),
        clock_(clock) {}

  std::vector<kinds::UndoRecord> undo() const override {
    return {{{"op", "thaw-host"}, {"host", host_}}};
  }

  void inject() override {
    if (injected_) throw Error(fmt::format("{}: is in force already", kind_name));
    injected_ = true;
    power_.freeze(host_, at_most_);
  }

  kinds::Confirmation confirm() override {
    const kinds::HostCondition now = power_.condition(host_);
    if (!now.on) return {not_yet, fmt::format("{} is off", host_)};
    if (!now.frozen || now.processes == 0) {
      look_.reset();
      return {not_yet,
              fmt::format("{} of {} processes, not all of them stand still", now.processes, host_)};
    }
    if (!look_ || look_->cpu_us != now.cpu_us) {
      look_ = Look{clock_.now(), now.cpu_us};
      return {not_yet, fmt::format("{} stands still, first look at its CPU time", host_)};
    }
    const auto apart =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - look_->at);
    return {apart >= cpu_look ? confirmed : not_yet,
            fmt::format("{} processes of {} stand still, their CPU time stood at {} us for {} ms",
                        now.processes, host_, now.cpu_us, apart.count())};
  }

  kinds::Confirmation confirm_healed() override {
    const kinds::HostCondition now = power_.condition(host_);
    if (!now.on) return {not_yet, fmt::format("{} is off", host_)};
    if (now.frozen) return {not_yet, fmt::format("{} still stands still", host_)};
    if (now.boots != boots_before_)
      return {confirmed, fmt::format("{} runs; it booted meanwhile", host_)};
    return {confirmed, fmt::format("{} processes of {} run on", now.processes, host_)};
  }

 private:
  using enum kinds::Confirmation::Outcome;
  struct Look {
    MonoTime at;
    std::int64_t cpu_us = 0;
  };

  std::string host_;
  Nanoseconds at_most_;
  int boots_before_;
  kinds::HostPower& power_;
  const Clock& clock_;
  bool injected_ = false;
  std::optional<Look> look_;
};

class HostFreeze final : public kinds::Fault {
 public:
  HostFreeze(std::string host, Nanoseconds at_most) : host_(std::move(host)), at_most_(at_most) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    const kinds::HostCondition before = require_power(kind_name, host_, env);
    return std::make_unique<HostFreezeInjection>(host_, at_most_, before.boots, *env.power,
                                                 clock_of(env));
  }

 private:
  std::string host_;
  Nanoseconds at_most_;
};

class HostFreezeKind final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const PlanReader given(info_, parameters);
    return plan_with_power(
        info_, targets, service, stack, {},
        [](const std::string& host) {
          return fmt::format("freezes every process of {}; its kernel still answers", host);
        },
        [](const std::string& host) { return fmt::format("thaws {}", host); });
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    const std::string host = reader.text("host");
    const auto duration = reader.duration();
    reader.done();
    return std::make_unique<HostFreeze>(host, duration + power_margin);
  }

 private:
  spec::KindInfo info_{
      .name = kind_name,
      .summary = "Every process of a host stands still; its kernel goes on answering.",
      .target = spec::TargetType::host,
      .parameters = {},
      .prove_variants = {spec::ProveVariant{}},
      .needs = {"root", "cgroup-freezer"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_host_freeze() {
  return std::make_unique<HostFreezeKind>();
}

}  // namespace nospof::faults
