#pragma once
// Which packets a fault on traffic takes, on its way from an experiment's parameters into a
// placement and out of it again.

#include <string>
#include <vector>

#include "faults/netem_scope.hpp"
#include "faults/parameters.hpp"

namespace nospof::faults {

/// direction, peers, ports, protocol.
std::vector<spec::ParameterInfo> scope_parameters();

/// For one target. Its peers and neighbours are hosts of the stack. Throws Error when the target is
/// among its own peers, when a port is none, or when ports are given for ICMP.
NetemScope netem_scope(const spec::KindInfo& info, const PlanReader& given,
                       const kinds::StackHost& target, const kinds::StackView& stack);

/// Adds the scope to a placement's parameters.
void put_scope(json::object& parameters, const NetemScope& scope);
/// Takes it out again.
NetemScope take_scope(PlacementReader& reader);

/// "outgoing traffic of web1 to db1, db2, TCP, ports 3306"
std::string scope_text(const NetemScope& scope, const std::string& host,
                       const std::vector<std::string>& peers);

}  // namespace nospof::faults
