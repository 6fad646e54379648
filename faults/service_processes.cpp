#include "faults/service_processes.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "system/check.hpp"

namespace nospof::faults {

kinds::ServiceState require_running(const std::string& kind, const std::string& service,
                                    const kinds::HostEnv& env) {
  if (env.services == nullptr)
    throw Error(fmt::format(
        "{}: host '{}' has no supervisor that nospof can talk to, so service '{}' can't be found",
        kind, env.host, service));
  const std::vector<std::string> known = env.services->list();
  if (std::find(known.begin(), known.end(), service) == known.end())
    throw Error(fmt::format("{}: no service '{}' on host '{}'; there are: {}", kind, service,
                            env.host, fmt::join(known, ", ")));
  kinds::ServiceState state = env.services->state(service);
  if (!state.running || !state.main_process || state.processes.empty())
    throw Error(fmt::format(
        "{}: service '{}' does not run on host '{}': there is nothing to break; look at its log",
        kind, service, env.host));
  return state;
}

std::vector<ProcessState> living(const std::vector<ProcessId>& processes) {
  std::vector<ProcessState> found;
  for (const ProcessId& id : processes) {
    auto state = read_process(id.pid);
    if (state && state->id == id && state->state != 'Z' && state->state != 'X')
      found.push_back(std::move(*state));
  }
  return found;
}

bool contains(const std::vector<ProcessId>& processes, const ProcessId& wanted) {
  return std::find(processes.begin(), processes.end(), wanted) != processes.end();
}

void pause_between_rounds() {
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace nospof::faults
