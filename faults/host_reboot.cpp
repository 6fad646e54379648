#include "faults/host_reboot.hpp"

#include <fmt/format.h>

#include "faults/host_power.hpp"
#include "faults/parameters.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr const char* kind_name = "host-reboot";
constexpr std::chrono::milliseconds longest_grace{8000};

class HostRebootInjection final : public kinds::Injection {
 public:
  HostRebootInjection(std::string host, Nanoseconds grace, int boots, kinds::HostPower& power)
      : host_(std::move(host)), grace_(grace), boots_before_(boots), power_(power) {}

  // Whoever reboots a host boots it, even when nobody asks any more; this one makes sure.
  std::vector<kinds::UndoRecord> undo() const override {
    return {{{"op", "power-on"}, {"host", host_}}};
  }

  void inject() override {
    if (injected_) throw Error(fmt::format("{}: is in force already", kind_name));
    injected_ = true;
    power_.reboot(host_, grace_);
  }

  kinds::Confirmation confirm() override {
    const kinds::HostCondition now = power_.condition(host_);
    if (now.last_shutdown.empty())
      return {not_yet, fmt::format("{} is still ending its services", host_)};
    if (!now.on || now.boots == boots_before_)
      return {confirmed, fmt::format("{} went down: {}", host_, now.last_shutdown)};
    return {confirmed, fmt::format("{} went down and booted again: {}", host_, now.last_shutdown)};
  }

  kinds::Confirmation confirm_healed() override {
    const kinds::HostCondition now = power_.condition(host_);
    if (!now.on) return {not_yet, fmt::format("{} is still off", host_)};
    // Not injected at all: there is nothing to wait for.
    if (injected_ && now.boots == boots_before_)
      return {not_yet, fmt::format("{} has not gone down yet", host_)};
    return {confirmed, fmt::format("{} is on", host_)};
  }

 private:
  using enum kinds::Confirmation::Outcome;
  std::string host_;
  Nanoseconds grace_;
  int boots_before_;
  kinds::HostPower& power_;
  bool injected_ = false;
};

class HostReboot final : public kinds::Fault {
 public:
  HostReboot(std::string host, Nanoseconds grace) : host_(std::move(host)), grace_(grace) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    const kinds::HostCondition before = require_power(kind_name, host_, env);
    return std::make_unique<HostRebootInjection>(host_, grace_, before.boots, *env.power);
  }

 private:
  std::string host_;
  Nanoseconds grace_;
};

class HostRebootKind final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const PlanReader given(info_, parameters);
    const auto grace =
        std::chrono::duration_cast<std::chrono::milliseconds>(given.duration("grace"));
    if (grace < std::chrono::milliseconds(0) || grace > longest_grace)
      throw Error(fmt::format("{}: parameter 'grace' must be from 0 to {} s", kind_name,
                              longest_grace.count() / 1000));
    kinds::Plan plan = plan_with_power(
        info_, targets, service, stack, {{"grace_ms", grace.count()}},
        [](const std::string& host) {
          return fmt::format("ends the services of {} in order, then boots it", host);
        },
        [](const std::string& host) { return fmt::format("boots {}, should it be off", host); });
    plan.confirm_within += grace;
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    const std::string host = reader.text("host");
    const std::chrono::milliseconds grace(
        reader.integer_or("grace_ms", 5000, 0, longest_grace.count()));
    reader.done();
    return std::make_unique<HostReboot>(host, grace);
  }

 private:
  spec::KindInfo info_{
      .name = kind_name,
      .summary = "A host ends its services in order, then boots.",
      .target = spec::TargetType::host,
      .parameters = {{"grace",
                      spec::ParameterType::duration,
                      false,
                      "5s",
                      {},
                      "How long services may take to end before they are killed; at most 8 s."}},
      .prove_variants = {},
      .needs = {"root", "cgroup2"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_host_reboot() {
  return std::make_unique<HostRebootKind>();
}

}  // namespace nospof::faults
