#include "faults/host_link.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "system/check.hpp"
#include "system/netlink.hpp"

namespace nospof::faults {

namespace {

std::string device_of(const std::string& kind, const LinkChoice& choice,
                      const kinds::HostEnv& env) {
  if (!choice.device.empty()) return choice.device;
  for (const AddressInfo& each : Netlink().addresses())
    if (each.address.starts_with(choice.address + "/")) return each.link;
  throw Error(fmt::format("{}: no network device of host '{}' has its address {}; name the device",
                          kind, env.host, choice.address));
}

}  // namespace

LinkState require_link(const std::string& kind, const LinkChoice& choice,
                       const kinds::HostEnv& env) {
  const std::string device = device_of(kind, choice, env);
  if (device == "lo")
    throw Error(fmt::format("{}: 'lo' of host '{}' is no link to anybody", kind, env.host));
  LinkState state;
  try {
    state = read_link_state(device);
  } catch (const Error& error) {
    throw Error(fmt::format("{}: host '{}': {}", kind, env.host, error.what()));
  }
  if (!state.running)
    throw Error(fmt::format("{}: link {} of host '{}' {}: there is nothing to break", kind, device,
                            env.host, state.up ? "has no carrier" : "is down already"));
  if (has_nexthop_objects(device))
    throw Error(
        fmt::format("{}: link {} of host '{}' has nexthop objects (ip nexthop), which the "
                    "kernel forgets when it goes down and nospof can't put back",
                    kind, device, env.host));
  return state;
}

kinds::UndoRecord restore_link_record(const LinkState& state, const std::string& helper) {
  kinds::UndoRecord record{{"op", "restore-link"}, {"state", to_json(state)}};
  if (!helper.empty()) record["helper"] = helper;
  return record;
}

kinds::Confirmation confirm_link_restored(const LinkState& state) {
  using enum kinds::Confirmation::Outcome;
  const std::vector<std::string> missing = missing_of_link_state(state);
  if (!missing.empty())
    return {not_yet, fmt::format("link {}: missing: {}", state.name, fmt::join(missing, ", "))};
  return {confirmed, fmt::format("link {} is up with its {} addresses, {} permanent neighbours and "
                                 "{} routes",
                                 state.name, state.addresses.size(), state.neighbours.size(),
                                 state.routes.size())};
}

bool is_link_up(const std::string& name) {
  for (const LinkInfo& link : Netlink().links())
    if (link.name == name) return link.up;
  throw Error(fmt::format("there is no network device '{}'", name));
}

}  // namespace nospof::faults
