#include <fmt/format.h>

#include "agent/undo_operations.hpp"

namespace nospof::agent {

UndoResult undo_service(const json::object& record, kinds::HostEnv& env) {
  const std::string service = text_field(record, "service");
  if (env.services == nullptr)
    return {false, false, fmt::format("no service manager here to start {} with", service)};
  const kinds::ServiceState before = env.services->state(service);
  // Also when all is well: an agent that was killed may have told the supervisor, in its last
  // moment, to hold the service down, and the supervisor may take that only now.
  env.services->start(service);
  if (before.wanted_up && before.running)
    return {true, false, fmt::format("{} runs under its supervisor", service)};
  return {true, true, fmt::format("{} started, under its supervisor again", service)};
}

UndoResult undo_power_off(const json::object& record, kinds::HostEnv& env) {
  const std::string host = text_field(record, "host");
  if (env.power == nullptr)
    return {false, false, fmt::format("no power over hosts here to boot {} with", host)};
  if (env.power->is_on(host)) return {true, false, fmt::format("{} is on", host)};
  env.power->on(host);
  return {true, true, fmt::format("{} booted", host)};
}

}  // namespace nospof::agent
