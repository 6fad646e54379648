#include "faults/stressors.hpp"

#include <fmt/format.h>

#include "faults/parameters.hpp"
#include "system/check.hpp"

namespace nospof::faults {

void Stressors::start(const std::string& kind, std::size_t count,
                      const std::function<void(const DriverControl&)>& body) {
  if (started()) throw Error(fmt::format("{}: is in force already", kind));
  for (std::size_t i = 0; i < count; ++i) drivers_.emplace_back(place_, false, body);
}

std::size_t Stressors::alive() {
  std::size_t count = 0;
  for (Driver& driver : drivers_) count += driver.alive() ? 1U : 0U;
  return count;
}

std::int64_t Stressors::amount() const {
  std::int64_t sum = 0;
  for (const Driver& driver : drivers_) sum += driver.board().amount;
  return sum;
}

int Stressors::failure() const {
  for (const Driver& driver : drivers_)
    if (const int failure = driver.board().failure; failure != 0) return failure;
  return 0;
}

std::chrono::nanoseconds Stressors::cpu_time() const {
  std::chrono::nanoseconds sum{0};
  for (const Driver& driver : drivers_) sum += driver.cpu_time();
  return sum;
}

std::string Stressors::end() const {
  for (const Driver& driver : drivers_)
    if (std::string how = driver.end(); !how.empty()) return how;
  return {};
}

void Stressors::stop() {
  for (Driver& driver : drivers_) driver.stop();
}

DriverPlace stressor_place(const std::string& kind, const kinds::HostEnv& env) {
  if (env.cgroup.empty())
    throw Error(
        fmt::format("{}: host '{}' has no cgroup of its own, so nothing would bound what the "
                    "fault takes from the machine; it works on hosts of a lab",
                    kind, env.host));
  return {new_driver_cgroup(env), own_limit_groups(env.cgroup)};
}

kinds::Plan plan_stress(const spec::KindInfo& info, const std::vector<std::string>& targets,
                        const std::string& service, const kinds::StackView& stack,
                        const boost::json::object& parameters, const std::string& effect) {
  refuse_service(info, service);
  kinds::Plan plan;
  for (const kinds::StackHost* host : resolve_targets(info, targets, stack)) {
    kinds::Placement placement;
    placement.host = host->name;
    placement.parameters = parameters;
    placement.effect = fmt::format("{} on {}", effect, host->name);
    placement.undo = "the processes that do it end; they die with the agent";
    plan.placements.push_back(std::move(placement));
    plan.blast_radius.push_back(host->name);
  }
  plan.confirm_within = std::chrono::seconds(5);
  return plan;
}

}  // namespace nospof::faults
