#include "probes/firewall_config.hpp"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "probes/config_keys.hpp"
#include "system/check.hpp"

namespace nospof::probes {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_targets = 4000;

FirewallTarget read_target(const json::object& object, std::size_t number) {
  ConfigKeys keys(fmt::format("firewall probe: target {}", number), object);
  FirewallTarget target;
  target.to = keys.required_text("to");
  target.address = keys.required_text("address");
  target.port = static_cast<int>(keys.required_integer("port", 1, 65535));
  target.allowed = keys.required_boolean("allowed");
  target.listening = keys.required_boolean("listening");
  keys.refuse_unknown();
  return target;
}

}  // namespace

FirewallConfig parse_firewall_config(const json::object& object) {
  FirewallConfig config;
  ConfigKeys keys("firewall probe", object);
  config.from = keys.required_text("from");
  config.every = keys.duration("every_ns", config.every, 1ms, 1h);
  config.timeout = keys.duration("timeout_ns", config.timeout, 1ms, 1min);
  config.max_in_flight = static_cast<std::size_t>(
      keys.integer("max_in_flight", static_cast<std::int64_t>(config.max_in_flight), 1, 10'000));
  std::set<std::pair<std::string, int>> seen;
  for (const json::object* target : keys.objects("targets", most_targets)) {
    config.targets.push_back(read_target(*target, config.targets.size() + 1));
    const FirewallTarget& last = config.targets.back();
    if (!seen.emplace(last.address, last.port).second)
      throw Error(fmt::format("firewall probe: target {}: {}:{} is there twice",
                              config.targets.size(), last.address, last.port));
  }
  keys.refuse_unknown();
  return config;
}

}  // namespace nospof::probes
