#include "faults/steady_service.hpp"

#include <fmt/format.h>

#include "faults/service_processes.hpp"

namespace nospof::faults {

namespace {
// A daemon that fails right after its start must not be taken for one that is back.
constexpr std::chrono::milliseconds stable_for{200};
}  // namespace

kinds::Confirmation SteadyService::look(const std::vector<ProcessId>& ended) {
  using enum kinds::Confirmation::Outcome;
  const kinds::ServiceState state = services_.state(service_);
  if (!state.running || !state.main_process || !state.wanted_up) {
    main_.reset();
    return {not_yet, fmt::format("{} {}", service_,
                                 state.running ? "runs, but its supervisor would not restart it"
                                               : "is not running")};
  }
  const ProcessId main = *state.main_process;
  if (contains(ended, main))
    return {not_yet, fmt::format("{} runs with main process {} as before", service_, main.pid)};
  const auto now = clock_.now();
  if (!main_ || *main_ != main) {
    main_ = main;
    since_ = now;
  }
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - since_);
  return {age >= stable_for ? confirmed : not_yet,
          fmt::format("{} runs under its supervisor, main process {} for {} ms", service_, main.pid,
                      age.count())};
}

}  // namespace nospof::faults
