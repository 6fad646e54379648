#pragma once
// Namespaces: holding them open, making new ones, running code or a new process inside.

#include <functional>
#include <vector>

#include <sys/types.h>

#include "system/fd.hpp"
#include "system/process.hpp"

namespace nospof {

/// The file in /proc/PID/ns of one kind (CLONE_NEWNET -> "net"). Throws Error for an unknown kind.
const char* namespace_name(int type);

/// A namespace of a process, held open. Throws SystemError when there is no such process.
UniqueFd open_namespace(pid_t pid, int type);

/// The calling thread's own namespace.
UniqueFd open_own_namespace(int type);

/// A new, empty network namespace. It lives as long as the descriptor (and its users).
UniqueFd create_network_namespace();

/// Runs `work` in a helper thread that has entered the namespaces (no CLONE_NEWPID: that needs a
/// new process), and waits for it. What it throws is thrown here. The calling thread does not move.
void in_namespaces(const std::vector<NamespaceFd>& namespaces, const std::function<void()>& work);

struct ForkOptions {
  unsigned long namespaces = 0;  ///< CLONE_NEW... flags of the namespaces to make
  int cgroup_fd = -1;            ///< an open cgroup2 folder that the process is born in
  int parent_death_signal = 0;   ///< sent to the process when the calling thread dies
};

/// Forks; the child, in its new namespaces, runs `body` and exits with what it returns (125 when it
/// throws). Only for a process with one thread: `body` may then do whatever the caller could.
Child fork_process(const ForkOptions& options, const std::function<int()>& body);

}  // namespace nospof
