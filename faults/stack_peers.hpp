#pragma once
// The other hosts that a fault on one host concerns: their addresses, and connections to them that
// tell from outside whether it bites.

#include <string>
#include <vector>

#include "faults/witnesses.hpp"
#include "kinds/fault.hpp"

namespace nospof::faults {

using StackHosts = std::vector<const kinds::StackHost*>;

/// The hosts of these names, or all others where none is named. Throws Error when the host itself
/// is among them, or when there is no other.
StackHosts peers_of(const spec::KindInfo& info, const kinds::StackHost& host,
                    const std::vector<std::string>& named, const kinds::StackView& stack);

/// Their addresses, and those of the VIPs that nobody but them may hold.
std::vector<std::string> addresses_of(const StackHosts& peers, const kinds::StackView& stack);

/// Up to six TCP flows between the host and its peers, in both ways, spread over ports.
std::vector<kinds::Witness> witnesses_between(const kinds::StackHost& host, const StackHosts& peers,
                                              const kinds::StackView& stack);

}  // namespace nospof::faults
