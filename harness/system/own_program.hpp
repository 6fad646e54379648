#pragma once
// The program that this process runs, to start it again as keeper, agent or prober.

#include <string>

#include "system/fd.hpp"

namespace nospof {

/// Opens this program for SpawnOptions::program_fd; also works inside a host that can't see it.
UniqueFd open_own_program();

/// Where it lies, for showing it in a host whose mounts hide it; empty when its file is gone.
std::string own_program_path();

/// For test programs, which are not nospof themselves: what the above mean from now on. Call it
/// before any thread is started.
void set_own_program(const std::string& path);

}  // namespace nospof
