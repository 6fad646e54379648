#pragma once
// The back-end of netem for kernels without sch_netem: packets are taken out by an NFQUEUE rule,
// held by a process of its own and put back.

#include <cstdint>
#include <memory>
#include <optional>

#include "faults/netem_scope.hpp"
#include "faults/netem_settings.hpp"
#include "kinds/fault.hpp"

namespace nospof::faults {

/// Checks that this host can do it and changes nothing. Throws Error that names what it can't do:
/// what the kernel lacks, or settings that this back-end has no way for. `seed`: of all chance;
/// without one, every injection draws its own.
std::unique_ptr<kinds::Injection> prepare_userspace_netem(const NetemSettings& settings,
                                                          const NetemScope& scope,
                                                          kinds::HostEnv& env,
                                                          std::optional<std::uint32_t> seed = {});

/// What this machine lacks for it, or an empty text. Tried in a network namespace made for that.
std::string userspace_netem_missing();

}  // namespace nospof::faults
