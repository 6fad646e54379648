#pragma once
// The netem fault's settings on their three ways: from an experiment's parameters, into a
// placement's JSON and out of it again. Both ends check them.

#include <string>
#include <vector>

#include "faults/netem_settings.hpp"
#include "faults/parameters.hpp"

namespace nospof::faults {

/// The parameters that become NetemSettings, with tc-netem's names.
std::vector<spec::ParameterInfo> netem_parameters();

/// Throws Error for what tc-netem would refuse or silently ignore: jitter without a delay, two
/// models of loss, reordering without a delay, a correlation of nothing, settings that do nothing.
NetemSettings netem_settings(const PlanReader& given);

/// Leaves out what stands at its default.
json::object netem_json(const NetemSettings& settings);
/// The reverse; the same refusals.
NetemSettings netem_settings(const json::object& values);

/// "delay 100ms with jitter 10ms (normal), loss 1%": everything that is not at its default.
std::string netem_text(const NetemSettings& settings);

}  // namespace nospof::faults
