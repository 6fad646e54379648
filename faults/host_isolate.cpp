#include "faults/host_isolate.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "faults/host_power.hpp"
#include "faults/parameters.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr const char* kind_name = "host-isolate";
constexpr std::size_t most_witnesses = 6;

class HostIsolateInjection final : public kinds::Injection {
 public:
  HostIsolateInjection(std::string host, Nanoseconds at_most, kinds::HostPower& power)
      : host_(std::move(host)), at_most_(at_most), power_(power) {}

  std::vector<kinds::UndoRecord> undo() const override {
    return {{{"op", "rejoin-host"}, {"host", host_}}};
  }

  void inject() override {
    if (injected_) throw Error(fmt::format("{}: is in force already", kind_name));
    injected_ = true;
    power_.isolate(host_, at_most_);
  }

  // That nothing passes is measured from outside, by the witnesses.
  kinds::Confirmation confirm() override {
    const kinds::HostCondition now = power_.condition(host_);
    if (!now.on) return {not_yet, fmt::format("{} is off", host_)};
    if (now.connected) return {not_yet, fmt::format("{} is connected to the switch", host_)};
    return {confirmed, fmt::format("{} is not connected to the switch; {} processes live on", host_,
                                   now.processes)};
  }

  kinds::Confirmation confirm_healed() override {
    const kinds::HostCondition now = power_.condition(host_);
    if (now.connected) return {confirmed, fmt::format("{} is connected to the switch", host_)};
    return {not_yet, fmt::format("{} is not connected to the switch", host_)};
  }

 private:
  using enum kinds::Confirmation::Outcome;
  std::string host_;
  Nanoseconds at_most_;
  kinds::HostPower& power_;
  bool injected_ = false;
};

class HostIsolate final : public kinds::Fault {
 public:
  HostIsolate(std::string host, Nanoseconds at_most) : host_(std::move(host)), at_most_(at_most) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    if (!require_power(kind_name, host_, env).connected)
      throw Error(fmt::format("{}: host '{}' is cut off at its switch already, by somebody else",
                              kind_name, host_));
    return std::make_unique<HostIsolateInjection>(host_, at_most_, *env.power);
  }

 private:
  std::string host_;
  Nanoseconds at_most_;
};

// Connections with one end on a target, first one to each target and one from it.
std::vector<kinds::Witness> choose_witnesses(const std::vector<std::string>& targets,
                                             const kinds::StackView& stack) {
  const auto is_target = [&](const std::string& host) {
    return std::find(targets.begin(), targets.end(), host) != targets.end();
  };
  std::vector<kinds::Witness> first;
  std::vector<kinds::Witness> more;
  for (const kinds::StackFlow& flow : stack.flows) {
    if (flow.from == flow.to || (!is_target(flow.from) && !is_target(flow.to))) continue;
    const bool seen = std::any_of(first.begin(), first.end(), [&](const kinds::Witness& witness) {
      return is_target(flow.to) ? witness.to_host == flow.to : witness.from_host == flow.from;
    });
    (seen ? more : first).push_back({flow.from, flow.to, stack.host(flow.to).address, flow.port});
  }
  first.insert(first.end(), more.begin(), more.end());
  if (first.size() > most_witnesses) first.resize(most_witnesses);
  return first;
}

class HostIsolateKind final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const PlanReader given(info_, parameters);
    kinds::Plan plan = plan_with_power(
        info_, targets, service, stack, {},
        [](const std::string& host) {
          return fmt::format("the switch passes no frame from or to {}, ARP neither", host);
        },
        [](const std::string& host) {
          return fmt::format("connects {} to the switch again", host);
        });
    plan.witnesses = choose_witnesses(targets, stack);
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    const std::string host = reader.text("host");
    const auto duration = reader.duration();
    reader.done();
    return std::make_unique<HostIsolate>(host, duration + power_margin);
  }

 private:
  spec::KindInfo info_{.name = kind_name,
                       .summary = "No frame leaves or reaches a host; nothing on it dies.",
                       .target = spec::TargetType::host,
                       .parameters = {},
                       .prove_variants = {},
                       .needs = {"root"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_host_isolate() {
  return std::make_unique<HostIsolateKind>();
}

}  // namespace nospof::faults
