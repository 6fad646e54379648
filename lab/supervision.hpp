#pragma once
// The shell scripts of a runit service folder. Every word in them is quoted: nothing of a topology
// is evaluated.

#include <string>

#include "lab/services.hpp"

namespace nospof::lab {

/// 'word', safe for /bin/sh.
std::string shell_quote(const std::string& word);

/// Joins the cgroup, runs the `prepare` commands as root, becomes the service's main process.
std::string run_script(const ServicePlan& service, const std::string& log_file,
                       const std::string& cgroup);

/// After the main process: ends the rest of the cgroup, then restarts or stays down as
/// systemd.service(5) has it for the restart policy. A service held down (runit's "once") stays
/// down.
std::string finish_script(const ServicePlan& service, const std::string& log_file,
                          const std::string& cgroup);

/// control/t: sends the stop signal instead of TERM.
std::string stop_script(const ServicePlan& service);

}  // namespace nospof::lab
