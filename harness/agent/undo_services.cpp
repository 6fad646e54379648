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

UndoResult undo_freeze(const json::object& record, kinds::HostEnv& env) {
  const std::string host = text_field(record, "host");
  if (env.power == nullptr)
    return {false, false, fmt::format("no power over hosts here to thaw {} with", host)};
  const bool frozen = env.power->condition(host).frozen;
  // Asked also when it looks thawed: everything of it may not have come to a stand yet.
  env.power->thaw(host);
  return {true, frozen, fmt::format("{} {}", host, frozen ? "thawed" : "is not frozen")};
}

UndoResult undo_isolation(const json::object& record, kinds::HostEnv& env) {
  const std::string host = text_field(record, "host");
  if (env.power == nullptr)
    return {false, false, fmt::format("no power over hosts here to connect {} with", host)};
  const kinds::HostCondition before = env.power->condition(host);
  env.power->rejoin(host);
  const bool changed = before.on && !before.connected;
  return {true, changed,
          fmt::format("{} {}", host, changed ? "on the network again" : "is not cut off")};
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
