#pragma once
// The link of a host: finding it, taking a snapshot of it before it is touched, and saying whether
// it is as it was.

#include <string>

#include "kinds/fault.hpp"
#include "system/link_state.hpp"

namespace nospof::faults {

/// Which link a fault on a host's link means.
struct LinkChoice {
  std::string device;   ///< empty: the one that has `address`
  std::string address;  ///< of the host, IPv4
};

/// The state of that link. Throws Error, naming fault and host, when there is no such link, when it
/// is down already, or when it has what could not be put back.
LinkState require_link(const std::string& kind, const LinkChoice& choice,
                       const kinds::HostEnv& env);

/// "restore-link" for that state; `helper` is empty or the name of the process that changes it.
kinds::UndoRecord restore_link_record(const LinkState& state, const std::string& helper);

/// Confirmed when nothing of the snapshot is missing.
kinds::Confirmation confirm_link_restored(const LinkState& state);

/// Whether a link is up, as the administrator wants it. Throws Error when there is none.
bool is_link_up(const std::string& name);

}  // namespace nospof::faults
