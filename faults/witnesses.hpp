#pragma once
// Connections of the stack that can tell from outside whether a fault of the network bites.

#include <functional>
#include <string>
#include <vector>

#include "faults/cut.hpp"
#include "kinds/fault.hpp"

namespace nospof::faults {

using Hosts = std::vector<const kinds::StackHost*>;

bool has_host(const Hosts& hosts, const std::string& name);
std::vector<std::string> names_of(const Hosts& hosts);
/// Every host but this one.
Hosts all_but(const kinds::StackHost& host, const kinds::StackView& stack);

/// Up to six of the allowed flows that `crosses`, spread over hosts, ports and both ways: each time
/// the flow whose ends were used least so far. `targets` tells which way is which.
std::vector<kinds::Witness> choose_witnesses(
    const Hosts& targets, const kinds::StackView& stack,
    const std::function<bool(const kinds::StackFlow&)>& crosses);

/// Whether a TCP connection to that port is of the flow.
bool concerns_port(const std::string& protocol, const std::vector<PortRange>& ports, int port);

}  // namespace nospof::faults
