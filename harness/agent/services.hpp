#pragma once
// The supervisor of a host as faults see it: runit.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kinds/fault.hpp"

namespace nospof::agent {

/// What runsv writes into supervise/status (20 bytes, the format that daemontools' supervise had).
struct RunitStatus {
  enum class Phase { down, run, finish };
  pid_t pid = 0;  ///< of ./run or ./finish; 0 when down
  bool paused = false;
  bool want_up = false;
  bool got_term = false;
  Phase phase = Phase::down;
  std::string changed_at;  ///< when it last changed, as 12 bytes that mean nothing else here
};

/// Throws Error when it is not 20 bytes or holds a phase that runsv does not write.
RunitStatus parse_runit_status(std::string_view bytes);

/// Members of a cgroup (path of its folder) and of the cgroups below it, as the caller's pid
/// namespace numbers them; those that are not visible here and zombies are left out. Empty when
/// there is no such cgroup.
std::vector<ProcessId> cgroup_processes(const std::string& folder);

/// Services of a runsvdir: <runit_folder>/<service>/supervise; each service's processes are the
/// members of <cgroup_folder>/svc-<service> and its main process. To be used inside the host's pid
/// namespace. hold_down() and start() return when runsv has taken the command; they throw Error
/// naming the service when there is no runsv for it or it does not answer within 3 s. A service
/// that has just ended is started once its finish script has decided what comes next, for which it
/// has 10 s (else Error); a file `restarting` beside it says that it decided to start it again,
/// after a delay.
std::unique_ptr<kinds::ServiceManager> runit_services(std::string runit_folder,
                                                      std::string cgroup_folder);

}  // namespace nospof::agent
