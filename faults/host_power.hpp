#pragma once
// What the faults share that are carried out from outside of a host, by the agent with power over
// it.

#include <chrono>
#include <functional>
#include <string>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// Healing comes at the end of the duration; what holds a host ends by itself only when that did
/// not happen.
inline constexpr std::chrono::seconds power_margin{30};

/// One placement per target for the agent with power; `parameters` go to each, with "host" added.
kinds::Plan plan_with_power(const spec::KindInfo& info, const std::vector<std::string>& targets,
                            const std::string& service, const kinds::StackView& stack,
                            const boost::json::object& parameters,
                            const std::function<std::string(const std::string& host)>& effect,
                            const std::function<std::string(const std::string& host)>& undo);

/// The power over `host` and its state, which must be on and untouched. Throws Error that says what
/// is missing.
kinds::HostCondition require_power(const std::string& kind, const std::string& host,
                                   const kinds::HostEnv& env);

}  // namespace nospof::faults
