#pragma once
// conntrack-flush: a host forgets all connections it tracks; conntrack-full: its table takes no new
// one.

#include <memory>
#include <string>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_conntrack_flush();
std::unique_ptr<kinds::FaultKind> make_conntrack_full();

/// What a full table does to packets, as rules: right after connection tracking, those that would
/// need a new entry are dropped.
std::string full_table_rules(const std::string& table);

}  // namespace nospof::faults
