#include "faults/host_crash.hpp"

#include <fmt/format.h>

#include "faults/parameters.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

// Healing comes at the end of the duration; power returns by itself only when that did not happen.
constexpr std::chrono::seconds margin{30};

class HostCrashInjection final : public kinds::Injection {
 public:
  HostCrashInjection(std::string host, Nanoseconds at_most, kinds::HostPower& power)
      : host_(std::move(host)), at_most_(at_most), power_(power) {}

  std::vector<kinds::UndoRecord> undo() const override {
    return {{{"op", "power-on"}, {"host", host_}}};
  }

  void inject() override { power_.off(host_, at_most_); }

  kinds::Confirmation confirm() override {
    if (power_.is_on(host_)) return {not_yet, fmt::format("{} is still on", host_)};
    return {confirmed, fmt::format("{} is off", host_)};
  }

  kinds::Confirmation confirm_healed() override {
    if (power_.is_on(host_)) return {confirmed, fmt::format("{} is on", host_)};
    return {not_yet, fmt::format("{} is still off", host_)};
  }

 private:
  using enum kinds::Confirmation::Outcome;
  std::string host_;
  Nanoseconds at_most_;
  kinds::HostPower& power_;
};

class HostCrash final : public kinds::Fault {
 public:
  HostCrash(std::string host, Nanoseconds at_most) : host_(std::move(host)), at_most_(at_most) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    if (env.power == nullptr)
      throw Error(
          fmt::format("host-crash: the agent on '{}' has no power over host '{}'; this fault "
                      "must go to the agent that has",
                      env.host, host_));
    if (!env.power->is_on(host_))
      throw Error(fmt::format("host-crash: host '{}' is off already; power it on first", host_));
    return std::make_unique<HostCrashInjection>(host_, at_most_, *env.power);
  }

 private:
  std::string host_;
  Nanoseconds at_most_;
};

class HostCrashKind final : public kinds::FaultKind {
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
      placement.needs_power = true;
      placement.parameters = {{"host", host->name}};
      placement.effect =
          fmt::format("takes the link of {} away, then kills everything on it at once", host->name);
      placement.undo = fmt::format("boots {}", host->name);
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    const std::string host = reader.text("host");
    const auto duration = reader.duration();
    reader.done();
    return std::make_unique<HostCrash>(host, duration + margin);
  }

 private:
  spec::KindInfo info_{.name = "host-crash",
                       .summary = "A host loses its power, stays off for the duration, then boots.",
                       .target = spec::TargetType::host,
                       .parameters = {},
                       .prove_variants = {spec::ProveVariant{}},
                       .needs = {"root", "cgroup2"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_host_crash() {
  return std::make_unique<HostCrashKind>();
}

}  // namespace nospof::faults
