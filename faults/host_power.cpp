#include "faults/host_power.hpp"

#include <fmt/format.h>

#include "faults/parameters.hpp"
#include "system/check.hpp"

namespace nospof::faults {

kinds::Plan plan_with_power(const spec::KindInfo& info, const std::vector<std::string>& targets,
                            const std::string& service, const kinds::StackView& stack,
                            const boost::json::object& parameters,
                            const std::function<std::string(const std::string& host)>& effect,
                            const std::function<std::string(const std::string& host)>& undo) {
  refuse_service(info, service);
  kinds::Plan plan;
  for (const kinds::StackHost* host : resolve_targets(info, targets, stack)) {
    kinds::Placement placement;
    placement.host = host->name;
    placement.needs_power = true;
    placement.parameters = parameters;
    placement.parameters["host"] = host->name;
    placement.effect = effect(host->name);
    placement.undo = undo(host->name);
    plan.placements.push_back(std::move(placement));
    plan.blast_radius.push_back(host->name);
  }
  return plan;
}

kinds::HostCondition require_power(const std::string& kind, const std::string& host,
                                   const kinds::HostEnv& env) {
  if (env.power == nullptr)
    throw Error(
        fmt::format("{}: the agent on '{}' has no power over host '{}'; this fault must go "
                    "to the agent that has",
                    kind, env.host, host));
  kinds::HostCondition condition = env.power->condition(host);
  if (!condition.on)
    throw Error(fmt::format("{}: host '{}' is off; power it on first", kind, host));
  if (condition.frozen)
    throw Error(fmt::format("{}: host '{}' is frozen already, by somebody else", kind, host));
  return condition;
}

}  // namespace nospof::faults
